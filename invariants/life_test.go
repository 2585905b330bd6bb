package invariants_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
)

// living is a booted machine on which some calls have been made.
type living struct {
	*model.State
	start *invariants.Snapshot
}

// newLiving makes calls from a start of day of a life.
func newLiving(t *testing.T, b *kernel.Backend, start string, calls ...string) *living {
	t.Helper()
	s, err := b.New(kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Inits {
		if s.Inits[i].Name != start {
			continue
		}
		m := s.NewModel()
		m.Init(i)
		l := &living{start: invariants.TakeSnapshot(m.State())}
		for _, text := range calls {
			c, err := kernel.ParseCall(text)
			if err != nil {
				t.Fatal(err)
			}
			if o := m.Apply(c.Code()); o.Kind != explore.Moved {
				t.Fatalf("%s: %v", text, o)
			}
		}
		l.State = m.State()
		return l
	}
	t.Fatalf("%s has no start of day %s", b.Name, start)
	return nil
}

// verdict is whether a rule holds at a step, or has nothing to say.
func (l *living) verdict(t *testing.T, rule string, st model.Step) string {
	t.Helper()
	r, ok := invariants.Find(rule)
	if !ok {
		t.Fatalf("no rule %s", rule)
	}
	c := invariants.New([]invariants.Rule{r})
	c.KeepGoing = true
	l.Commit()
	c.BeginAt(l.State, l.start)
	c.Step(model.NewMachine(l.State), &st)
	switch {
	case c.Violated == 0:
		return "broken"
	case c.Exercised[0] > 0:
		return "held"
	}
	return "silent"
}

// leaf returns the place of the leaf entry of an address under a root.
func (l *living) leaf(t *testing.T, root model.Frame, va model.VA) (model.Frame, int) {
	t.Helper()
	m, _ := invariants.Resolve(l.State, l.L.Geo, root, va)
	if m.Level != 1 {
		t.Fatalf("%#x has no leaf table", va)
	}
	return m.Table, m.Slot
}

// TestLifeRules takes good machines on which each rule holds, and breaks it.
func TestLifeRules(t *testing.T) {
	const guest, bare = "3level-fork-xen-3.1", "2level-fork-native"
	run := []string{"mm_alloc", "mm_populate 0 0", "mm_activate 0"}
	end := model.Step{Op: model.OpCallEnd, Call: model.Call{Kind: model.CallTouch}}
	root := func(l *living) model.Frame { return l.Kernel.Life.MM[0].Root }
	kernelRoot := func(l *living) model.Frame { return model.Frame(l.L.Kernel.Root) }
	for _, x := range []struct {
		rule, what string
		system     *kernel.Backend
		start      string
		calls      []string
		at         model.Step
		good       string
		spoil      func(t *testing.T, l *living)
	}{
		{"no-dangling", "the root is free", life.Xen(), guest, run, model.Step{Op: model.OpFree}, "held",
			func(_ *testing.T, l *living) { model.Put(&l.Kernel.Life.Free, root(l), true) }},
		{"no-dangling", "a page that is mapped is free", life.Native(), bare, run, model.Step{Op: model.OpFree}, "held",
			func(t *testing.T, l *living) {
				table, slot := l.leaf(t, root(l), l.L.Life.Pages[0])
				model.Put(&l.Kernel.Life.Free, l.L.Map.Frame(l.Entry(l.L.Geo, table, slot).MFN()), true)
			}},
		{"no-dangling", "a page has two users and is counted once", life.Native(), bare, append(run, "mm_fork"), end, "silent",
			func(_ *testing.T, l *living) { l.Kernel.Life.Refs = model.RefCounts{} }},
		{"nothing-left-behind", "a page belongs to nobody", life.Native(), bare, run, end, "held",
			func(t *testing.T, l *living) {
				table, slot := l.leaf(t, root(l), l.L.Life.Pages[0])
				l.SetEntry(l.L.Geo, table, slot, 0)
			}},
		{"nothing-left-behind", "a free page is read-only", life.Xen(), guest, run, end, "held",
			func(t *testing.T, l *living) {
				last := l.L.VA((l.L.Kernel.MaxLowPFN - 1).PA())
				table, slot := l.leaf(t, kernelRoot(l), last)
				l.SetEntry(l.L.Geo, table, slot, l.Entry(l.L.Geo, table, slot)&^model.RW)
			}},
		{"nothing-left-behind", "a pinned root has no process", life.Xen(), guest, run, end, "held",
			func(_ *testing.T, l *living) { l.Kernel.Life.MM[0].Root = model.NoFrame; l.CPU.CR3 = kernelRoot(l) }},
		{"kernel-part-shared", "a process has no direct map", life.Native(), bare, run, end, "held",
			func(_ *testing.T, l *living) { l.SetEntry(l.L.Geo, root(l), l.L.UserSlots(), 0) }},
		{"kernel-part-shared", "the vmalloc area's table is missing after the synchronisation", life.Xen(), "3level-vmalloc-xen-3.1",
			[]string{"mm_alloc", "vmalloc"}, end, "held", func(_ *testing.T, l *living) { l.Kernel.Life.Synced = true }},
		{"aliases-agree", "the GDT is writable under its other address", life.Xen(), "3level-desc-xen-4.17",
			[]string{"vmalloc", "gdt_load"}, model.Step{Op: model.OpPin}, "held",
			func(t *testing.T, l *living) {
				table, slot := l.leaf(t, kernelRoot(l), l.L.Life.Vmalloc)
				l.SetEntry(l.L.Geo, table, slot, l.Entry(l.L.Geo, table, slot)|model.RW)
			}},
		{"queue-flushed", "an update is held back outside a lazy section", life.Xen(), guest, run, end, "held",
			func(_ *testing.T, l *living) { l.Kernel.Life.CPU[0].Queued = 1 }},
		{"queue-flushed", "CR3 is not what was asked for", life.Xen(), guest, run, end, "held",
			func(_ *testing.T, l *living) { l.Kernel.XenCR3 = kernelRoot(l) }},
		{"queue-flushed", "a page that an update will write to is free", life.Xen(), guest, run, model.Step{Op: model.OpFree, Frame: 20}, "held",
			func(_ *testing.T, l *living) {
				l.Kernel.Life.CPU[0].Queued = 1
				l.Kernel.Life.CPU[0].Queue[0].Ptr = uint64(l.L.Map.MFN(20)) << model.PageShift
			}},
		{"known-at-suspend", "a root is not pinned", life.Xen(), "3level-suspend-xen-4.17", run, model.Step{Op: model.OpSuspend}, "held",
			func(_ *testing.T, l *living) {
				i := l.Info(root(l))
				i.Flags &^= model.Pinned
				l.SetInfo(root(l), i)
				l.CPU.CR3 = kernelRoot(l)
			}},
	} {
		l := newLiving(t, x.system, x.start, x.calls...)
		if got := l.verdict(t, x.rule, x.at); got != x.good {
			t.Errorf("%s: %s before %s", x.rule, got, x.what)
		}
		x.spoil(t, l)
		if got := l.verdict(t, x.rule, x.at); got != "broken" {
			t.Errorf("%s: %s although %s", x.rule, got, x.what)
		}
	}
}

// TestLifeRulesAfterBootOnly: a machine that boots says nothing to them.
func TestLifeRulesAfterBootOnly(t *testing.T) {
	s, err := boot.Xen().New(kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Rules() {
		if r.Span == invariants.Living {
			t.Errorf("system xen is checked against %s", r.ID)
		}
	}
	l := &living{State: s.Inits[0].State, start: invariants.TakeSnapshot(s.Inits[0].State)}
	for _, r := range invariants.Rules() {
		if r.Span == invariants.Living {
			if got := l.verdict(t, r.ID, model.Step{Op: model.OpCallEnd}); got != "silent" {
				t.Errorf("%s: %s", r.ID, got)
			}
		}
	}
}
