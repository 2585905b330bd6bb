package invariants

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

// scene is a machine on good tables, watched by one rule. Its 16 frames of low
// memory are mapped at PAGE_OFFSET, the upper half of 64 pages. Frames: 0 root,
// 1 to 4 the L1 tables of low memory, 5 a second root that is a copy, 6 an empty
// page; the others are data. A guest has the first seven mapped read-only.
type scene struct {
	*model.State
	c *Checker
	m *model.Machine
}

const (
	root    = 0
	firstL1 = 1
	second  = 5
	empty   = 6
	data    = 9
	offset  = 0x20000
	final   = model.Present | model.RW | model.Accessed | model.Dirty
	upper   = final | model.User
)

// newScene makes the tables: 2-level, native or a guest's.
func newScene(t *testing.T, rule string, guest bool) *scene {
	t.Helper()
	g, err := model.NewGeometry("scene", 4, 16, 4)
	if err != nil {
		t.Fatal(err)
	}
	l := &model.Layout{Geo: g, Map: model.IdentityMap(16)}
	l.Kernel = model.KernelMap{PageOffset: offset, MaxLowPFN: 16, Root: root}
	if guest {
		l.Hyper = &model.Hyper{Profile: model.Xen31()}
	}
	s := model.NewState(l)
	for f := range 16 {
		flags := final
		if guest && f <= empty {
			flags &^= model.RW
		}
		l1 := firstL1 + f/4
		s.SetEntry(g, root, 8+f/4, model.MakeEntry(model.MFN(l1), upper))
		s.SetEntry(g, second, 8+f/4, model.MakeEntry(model.MFN(l1), upper))
		s.SetEntry(g, model.Frame(l1), f%4, model.MakeEntry(model.MFN(f), flags))
	}
	s.CPU.CR3 = root
	s.Commit()
	r, ok := Find(rule)
	if !ok {
		t.Fatalf("no rule %s", rule)
	}
	x := &scene{State: s, c: New([]Rule{r}), m: model.NewMachine(s)}
	x.c.KeepGoing = true
	x.c.Begin(s)
	return x
}

// set writes an entry.
func (x *scene) set(f model.Frame, slot int, e model.Entry) { x.SetEntry(x.L.Geo, f, slot, e) }

// entry makes an entry.
func entry(f model.Frame, flags model.Entry) model.Entry { return model.MakeEntry(model.MFN(f), flags) }

// verdict is what the rule says of one step: silent, held or broken.
func (x *scene) verdict(op model.Op, call model.Call) string {
	before := x.c.Exercised[0]
	x.c.Violated = -1
	x.c.Step(x.m, &model.Step{Op: op, Call: call})
	x.Commit()
	switch {
	case x.c.Violated == 0:
		return "broken"
	case x.c.Exercised[0] > before:
		return "held"
	}
	return "silent"
}

// ruleCase is a step with the verdict that it deserves.
type ruleCase struct {
	name  string
	guest bool
	op    model.Op
	call  model.CallKind
	prep  func(x *scene) // before the checker begins
	edit  func(x *scene) // part of the step
	want  string
}

func tryRule(t *testing.T, rule string, cases []ruleCase) {
	t.Helper()
	verdicts := map[string]bool{}
	for _, c := range cases {
		x := newScene(t, rule, c.guest)
		if c.prep != nil {
			c.prep(x)
			x.Commit()
			x.c.Begin(x.State)
		}
		if c.edit != nil {
			c.edit(x)
		}
		call := model.Call{Kind: c.call}
		if c.call == model.CallMap {
			call.From, call.To = 8, 12
		}
		if got := x.verdict(c.op, call); got != c.want {
			t.Errorf("%s: %s: %s, want %s; %+v", rule, c.name, got, c.want, x.c.Detail)
		}
		verdicts[c.want] = true
	}
	for _, v := range []string{"broken", "held"} {
		if !verdicts[v] {
			t.Errorf("%s: no case is %s", rule, v)
		}
	}
}

func TestPresentNotReallocated(t *testing.T) {
	set := func(f model.Frame, slot int, e model.Entry) func(*scene) {
		return func(x *scene) { x.set(f, slot, e) }
	}
	pse := func(x *scene) { x.CPU.CR4 |= model.CR4PSE }
	tryRule(t, "present-not-reallocated", []ruleCase{
		{"pointer to another table", false, model.OpStore, model.CallMap, nil, set(root, 9, entry(empty, upper)), "broken"},
		{"the same in a guest", true, model.OpMMUUpdate, model.CallMap, nil, set(root, 9, entry(empty, upper)), "broken"},
		{"in a range call", false, model.OpStore, model.CallRange, nil, set(root, 9, entry(empty, upper)), "broken"},
		{"in a fixmap call", false, model.OpStore, model.CallFixmap, nil, set(root, 9, entry(empty, upper)), "broken"},
		{"in an alias call", false, model.OpStore, model.CallAlias, nil, set(root, 9, entry(empty, upper)), "broken"},
		{"in setup_start", false, model.OpStore, model.CallSetupStart, nil, set(root, 9, entry(empty, upper)), "silent"},
		{"in setup_done", false, model.OpStore, model.CallSetupDone, nil, set(root, 9, entry(empty, upper)), "silent"},
		{"pointer cleared", false, model.OpStore, model.CallMap, nil, set(root, 9, 0), "broken"},
		{"present bit lost", false, model.OpStore, model.CallMap, nil, set(root, 9, entry(2, upper&^model.Present)), "broken"},
		{"flags changed", false, model.OpStore, model.CallMap, nil, set(root, 9, entry(2, model.Present)), "silent"},
		{"new pointer", false, model.OpStore, model.CallRange, nil, set(root, 3, entry(empty, upper)), "silent"},
		{"leaf moved", false, model.OpStore, model.CallMap, nil, set(2, 1, entry(empty, final)), "silent"},
		{"neighbour of a pointer", false, model.OpStore, model.CallMap, nil, set(root, 7, entry(empty, upper)), "silent"},
		{"large page for a table, natively", false, model.OpStore, model.CallMap, pse, set(root, 9, entry(4, final|model.PSE)), "silent"},
		{"large page for a table, in a guest", true, model.OpMMUUpdate, model.CallMap, pse, set(root, 9, entry(4, final|model.PSE)), "broken"},
		{"table becomes a large page as it is, in a guest", true, model.OpMMUUpdate, model.CallMap, pse, set(root, 9, entry(2, upper|model.PSE)), "broken"},
		{"PSE bit while the CPU ignores it", false, model.OpStore, model.CallMap, nil, set(root, 9, entry(4, final|model.PSE)), "broken"},
		{"table for a large page", false, model.OpStore, model.CallMap, func(x *scene) {
			pse(x)
			x.set(root, 9, entry(4, final|model.PSE))
		}, set(root, 9, entry(2, upper)), "silent"},
		{"call without allocation", false, model.OpCallEnd, model.CallMap, nil, nil, "held"},
		{"end of another call", false, model.OpCallEnd, model.CallZap, nil, nil, "silent"},
	})
	// Only a call that allocates nothing shows that the rule was put to the test.
	x := newScene(t, "present-not-reallocated", false)
	call := model.Call{Kind: model.CallRange}
	for i, want := range []string{"silent", "silent", "silent", "silent", "held"} {
		op := []model.Op{model.OpCallBegin, model.OpBootmem, model.OpCallEnd, model.OpCallBegin, model.OpCallEnd}[i]
		if got := x.verdict(op, call); got != want {
			t.Errorf("step %d, %v: %s, want %s", i, op, got, want)
		}
	}
}

// TestPresentNotReallocatedDeep checks middle tables: every level above the
// leaves counts, and no other frame.
func TestPresentNotReallocatedDeep(t *testing.T) {
	g, err := model.NewGeometry("deep", 8, 2, 3, 2, 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		table model.Frame
		want  int
	}{{0, 0}, {1, 0}, {2, 0}, {3, -1}, {7, -1}} {
		s := model.NewState(&model.Layout{Geo: g, Map: model.IdentityMap(10)})
		s.CPU.CR3 = 0
		for f := range model.Frame(3) {
			s.SetEntry(g, f, 1, entry(f+1, upper))
		}
		s.SetEntry(g, 3, 1, entry(9, final))
		s.SetEntry(g, 7, 1, entry(9, final))
		s.Commit()
		r, _ := Find("present-not-reallocated")
		c := New([]Rule{r})
		c.KeepGoing = true
		c.Begin(s)
		s.SetEntry(g, x.table, 1, entry(8, upper))
		c.Step(model.NewMachine(s), &model.Step{Op: model.OpStore, Call: model.Call{Kind: model.CallMap}})
		if c.Violated != x.want || x.want == 0 && (c.Detail.table != x.table || c.Detail.slot != 1) {
			t.Errorf("table %d: rule %d, %+v; want %d", x.table, c.Violated, c.Detail, x.want)
		}
	}
}

func TestLeafRewritten(t *testing.T) {
	leaf := func(e model.Entry) func(*scene) { return func(x *scene) { x.set(3, 1, e) } } // that of frame 9
	kernel := func(change func(k *model.KernelMap)) func(*scene) {
		return func(x *scene) { change(&x.L.Kernel) }
	}
	pge := kernel(func(k *model.KernelMap) { k.HasPGE = true })
	encrypted := func(x *scene) { x.L.Encrypt = 1 << 15 }
	global := func(x *scene) {
		for f := 8; f < 12; f++ {
			x.set(3, f%4, entry(model.Frame(f), final|model.Global))
		}
	}
	large := func(x *scene) {
		x.L.Kernel.HasPSE = true
		x.CPU.CR4 |= model.CR4PSE
		x.set(root, 10, entry(8, final|model.PSE))
	}
	end, call := model.OpCallEnd, model.CallMap
	tryRule(t, "leaf-rewritten", []ruleCase{
		{"final leaves", false, end, call, nil, nil, "held"},
		{"final leaves of a guest", true, end, call, nil, nil, "held"},
		{"boot flags", false, end, call, nil, leaf(entry(9, 7)), "broken"},
		{"boot flags before the end", false, model.OpStore, call, nil, leaf(entry(9, 7)), "silent"},
		{"boot flags at the end of another call", false, end, model.CallRange, nil, leaf(entry(9, 7)), "silent"},
		{"boot flags elsewhere", false, end, call, nil, func(x *scene) { x.set(2, 1, entry(5, 7)) }, "held"},
		{"user bit", false, end, call, nil, leaf(entry(9, final|model.User)), "broken"},
		{"not dirty", false, end, call, nil, leaf(entry(9, final&^model.Dirty)), "held"},
		{"neither accessed nor dirty", false, end, call, nil, leaf(entry(9, model.Present|model.RW)), "held"},
		{"a pointer that takes writing away", false, end, call, nil, func(x *scene) { x.set(root, 10, entry(3, upper&^model.RW)) }, "broken"},
		{"the same in a guest", true, end, call, nil, func(x *scene) { x.set(root, 10, entry(3, upper&^model.RW)) }, "held"},
		{"not decrypted", false, end, call, encrypted, nil, "broken"},
		{"software bit", false, end, call, nil, leaf(entry(9, final|1<<9)), "held"},
		{"other frame", false, end, call, nil, leaf(entry(10, final)), "broken"},
		{"not mapped", false, end, call, nil, leaf(0), "broken"},
		{"no table", false, end, call, nil, func(x *scene) { x.set(root, 10, 0) }, "broken"},
		{"read-only, natively", false, end, call, nil, leaf(entry(9, final&^model.RW)), "broken"},
		{"read-only in a guest", true, end, call, nil, leaf(entry(9, final&^model.RW)), "held"},
		{"not global", false, end, call, pge, nil, "held"},
		{"global", false, end, call, pge, global, "held"},
		{"global without PGE, which is ignored", false, end, call, nil, global, "held"},
		{"small pages with PSE", false, end, call, kernel(func(k *model.KernelMap) { k.HasPSE = true }), nil, "held"},
		{"small pages with the same bit, which is PAT there", false, end, call, kernel(func(k *model.KernelMap) { k.HasPSE = true }), func(x *scene) { x.set(3, 0, entry(8, final|model.PSE)) }, "broken"},
		{"large page", false, end, call, nil, large, "held"},
		{"large page of another span", false, end, call, nil, func(x *scene) { large(x); x.set(root, 10, entry(12, final|model.PSE)) }, "broken"},
	})
}

// TestLeafRewrittenNX checks no-execute: what is not text must have it where the
// kernel has it and nothing takes it away.
func TestLeafRewrittenNX(t *testing.T) {
	for _, x := range []struct {
		name                   string
		nx, guest, sign, large bool
		text                   model.VA // end of the text
		flag                   model.Entry
		want                   int
	}{
		{"data without NX", true, false, false, false, 0, 0, 0},
		{"data with NX", true, false, false, false, 0, model.NX, -1},
		{"text with NX", true, false, false, false, 0x1000, model.NX, 0},
		{"text by its first byte", true, false, false, false, 0x1000, 0, -1},
		{"text one byte short", true, false, false, false, 0xfff, model.NX, -1},
		{"NX where the CPU has none", false, false, false, false, 0, model.NX, 0},
		{"32-bit guest without NX", true, true, false, false, 0, 0, -1},
		{"64-bit guest without NX", true, true, true, false, 0, 0, 0},
		{"64-bit guest with NX", true, true, true, false, 0, model.NX, -1},
		{"large page behind the text", true, false, false, true, 0x3fff, model.NX, -1},
		{"large page with text in its first byte", true, false, false, true, 0x4000, 0, -1},
		{"large page with text and NX", true, false, false, true, 0x4000, model.NX, 0},
	} {
		g, err := model.NewGeometry("nx", 8, 4, 4)
		if err != nil {
			t.Fatal(err)
		}
		g.SignExtend = x.sign
		l := &model.Layout{Geo: g, Map: model.IdentityMap(16)}
		l.Kernel = model.KernelMap{PageOffset: g.Wrap(0x8000), MaxLowPFN: 8, NX: x.nx, HasPSE: x.large}
		l.Kernel.TextEnd = l.Kernel.PageOffset + x.text
		if x.guest {
			l.Hyper = &model.Hyper{Profile: model.Xen31()}
		}
		s := model.NewState(l)
		s.CPU.CR3, s.CPU.NXE = 0, true
		// The page of frame 1, or the large page from frame 4 on.
		s.SetEntry(g, 0, 2, entry(1, upper))
		if x.sign {
			x.flag |= model.User | model.GuestKernel // as the hypervisor marks it
		}
		s.SetEntry(g, 1, 1, entry(1, final|x.flag))
		s.SetEntry(g, 0, 3, entry(4, final|model.PSE|x.flag))
		call := model.Call{Kind: model.CallMap, From: 1, To: 2}
		if x.large {
			call.From, call.To = 4, 8
		}
		r, _ := Find("leaf-rewritten")
		c := New([]Rule{r})
		c.KeepGoing = true
		c.Begin(s)
		c.Step(model.NewMachine(s), &model.Step{Op: model.OpCallEnd, Call: call})
		if c.Violated != x.want {
			t.Errorf("%s: rule %d, %+v; want %d", x.name, c.Violated, c.Detail, x.want)
		}
	}
}

func TestTablesReadOnly(t *testing.T) {
	writable := func(f model.Frame) func(*scene) {
		return func(x *scene) { x.set(3, 1, entry(f, final)) }
	}
	pse := func(x *scene) { x.CPU.CR4 |= model.CR4PSE }
	cached := func(f model.Frame, flags model.Entry) func(*scene) {
		return func(x *scene) {
			x.TLB.Sticky = true
			x.set(3, 1, entry(f, final))
			x.m.Run(func() { x.m.Store(0x20000+data<<model.PageShift, 4, 0) })
			x.set(3, 1, entry(f, flags))
		}
	}
	up := model.OpMMUUpdate
	tryRule(t, "tables-read-only", []ruleCase{
		{"good tables", true, up, 0, nil, nil, "held"},
		{"L1 mapped writable", true, up, 0, nil, writable(2), "broken"},
		{"root mapped writable", true, model.OpEmulate, 0, nil, writable(root), "broken"},
		{"root mapped read-only once more", true, up, 0, nil, func(x *scene) { x.set(3, 1, entry(root, model.Present)) }, "held"},
		{"natively", false, model.OpStore, 0, nil, writable(2), "silent"},
		{"page that is no table", true, up, 0, nil, writable(second), "held"},
		{"it becomes a root", true, model.OpNewBaseptr, 0, writable(second), func(x *scene) { x.CPU.CR3 = second }, "broken"},
		{"it becomes a root, read-only", true, model.OpNewBaseptr, 0, nil, func(x *scene) { x.CPU.CR3 = second }, "held"},
		{"it becomes the user's root", true, model.OpUserBaseptr, 0, writable(second), func(x *scene) { x.CPU.UserCR3 = second }, "broken"},
		{"it becomes an L1", true, up, 0, writable(second), func(x *scene) { x.set(root, 4, entry(second, upper)) }, "broken"},
		{"empty page becomes an L1", true, up, 0, nil, func(x *scene) { x.set(root, 4, entry(empty, upper)) }, "held"},
		{"writable mapping below a read-only pointer", true, up, 0, nil, func(x *scene) {
			x.set(root, 10, entry(3, upper&^model.RW))
			writable(2)(x)
		}, "broken"},
		{"writable mapping in a table not in use", true, up, 0, nil, func(x *scene) { x.set(data, 1, entry(2, final)) }, "held"},
		{"that table is hooked in", true, up, 0, func(x *scene) { x.set(empty, 1, entry(2, final)) }, func(x *scene) { x.set(root, 4, entry(empty, upper)) }, "broken"},
		{"large writable page over tables", true, up, 0, pse, func(x *scene) { x.set(root, 4, entry(root, final|model.PSE)) }, "broken"},
		{"large read-only page over tables", true, up, 0, pse, func(x *scene) { x.set(root, 4, entry(root, model.Present|model.PSE)) }, "held"},
		{"allocation", true, model.OpBootmem, 0, nil, nil, "silent"},
		{"bad tables at an allocation", true, model.OpBootmem, 0, nil, writable(2), "broken"},
		{"stale writable translation of data", true, up, 0, cached(data, final&^model.RW), nil, "held"},
		{"stale writable translation of a new table", true, up, 0, cached(data, final&^model.RW), func(x *scene) { x.set(root, 4, entry(data, upper)) }, "broken"},
	})
}

// TestTablesReadOnlyNamesTheCulprit checks the details of a violation.
func TestTablesReadOnlyNamesTheCulprit(t *testing.T) {
	x := newScene(t, "tables-read-only", true)
	x.set(4, 2, entry(3, final))
	x.verdict(model.OpMMUUpdate, model.Call{})
	want := about(3).WithEntry(4, 2, entry(3, final))
	if x.c.Detail != want {
		t.Errorf("%+v, want %+v", x.c.Detail, want)
	}
	// A large page whose first frame is no table.
	x = newScene(t, "tables-read-only", true)
	x.CPU.CR4 |= model.CR4PSE
	x.set(second, 11, 0)
	x.CPU.CR3 = second
	x.Commit()
	x.c.Begin(x.State)
	x.set(second, 4, entry(4, final|model.PSE))
	x.verdict(model.OpMMUUpdate, model.Call{})
	want = about(second).WithEntry(second, 4, entry(4, final|model.PSE))
	if x.c.Detail != want {
		t.Errorf("%+v, want %+v", x.c.Detail, want)
	}
}

func TestTranslationsKept(t *testing.T) {
	leaf := func(e model.Entry) func(*scene) { return func(x *scene) { x.set(3, 1, e) } }
	low := func(e model.Entry) func(*scene) {
		return func(x *scene) { x.set(root, 0, e) }
	}
	second64 := func(x *scene) { x.CPU.CR3 = second }
	tryRule(t, "translations-kept", []ruleCase{
		{"flags changed", false, model.OpStore, 0, nil, leaf(entry(9, model.Present)), "silent"},
		{"page moved", false, model.OpStore, 0, nil, leaf(entry(10, final)), "broken"},
		{"page moved in a guest", true, model.OpUpdateVA, 0, nil, leaf(entry(10, final)), "broken"},
		{"page unmapped", false, model.OpStore, 0, nil, leaf(0), "broken"},
		{"table unhooked", false, model.OpStore, 0, nil, func(x *scene) { x.set(root, 11, 0) }, "broken"},
		{"table replaced by a copy", false, model.OpStore, 0, func(x *scene) {
			for i := range 4 {
				x.set(empty, i, x.Entry(x.L.Geo, 4, i))
			}
		}, func(x *scene) { x.set(root, 11, entry(empty, upper)) }, "held"},
		{"table replaced by an empty one", false, model.OpStore, 0, nil, func(x *scene) { x.set(root, 11, entry(empty, upper)) }, "broken"},
		{"new mapping", false, model.OpStore, 0, nil, func(x *scene) { x.set(root, 12, entry(empty, upper)) }, "silent"},
		{"page in no table in use", false, model.OpStore, 0, func(x *scene) { x.set(data, 0, entry(9, final)) }, func(x *scene) { x.set(data, 0, 0) }, "silent"},
		{"low half, natively", false, model.OpStore, 0, low(entry(firstL1, upper)), low(0), "held"},
		{"low half of a guest", true, model.OpMMUUpdate, 0, low(entry(firstL1, upper)), low(0), "broken"},
		{"same translations under another root", false, model.OpLoadCR3, 0, nil, second64, "held"},
		{"another root with a page less", false, model.OpLoadCR3, 0, func(x *scene) { x.set(second, 11, 0) }, second64, "broken"},
		{"another root with a page less in a guest", true, model.OpNewBaseptr, 0, func(x *scene) { x.set(second, 11, 0) }, second64, "broken"},
		{"small pages become a large one", false, model.OpStore, 0, func(x *scene) { x.CPU.CR4 = model.CR4PSE }, func(x *scene) { x.set(root, 11, entry(12, final|model.PSE)) }, "held"},
		{"large page somewhere else", false, model.OpStore, 0, func(x *scene) { x.CPU.CR4 = model.CR4PSE }, func(x *scene) { x.set(root, 11, entry(8, final|model.PSE)) }, "broken"},
		{"pointer becomes a large page as it is", false, model.OpStore, 0, func(x *scene) { x.CPU.CR4 = model.CR4PSE }, func(x *scene) { x.set(root, 11, entry(4, upper|model.PSE)) }, "broken"},
		{"PSE switched on over a pointer with the bit", false, model.OpSetCR4, 0, func(x *scene) { x.set(root, 10, entry(3, upper|model.PSE)) }, func(x *scene) { x.CPU.CR4 = model.CR4PSE }, "broken"},
	})
}

func TestRootValid(t *testing.T) {
	own := func(f model.Frame, e model.Entry) func(*scene) { // the direct-map leaf of a frame
		return func(x *scene) { x.set(firstL1+f/4, int(f%4), e) }
	}
	load := func(f model.Frame) func(*scene) { return func(x *scene) { x.CPU.CR3 = f } }
	both := func(fs ...func(*scene)) func(*scene) {
		return func(x *scene) {
			for _, f := range fs {
				f(x)
			}
		}
	}
	up, cr3 := model.OpMMUUpdate, model.OpNewBaseptr
	tryRule(t, "root-valid", []ruleCase{
		{"nothing new", true, up, 0, nil, nil, "silent"},
		{"good root loaded", true, cr3, 0, nil, load(second), "held"},
		{"good root loaded natively", false, model.OpLoadCR3, 0, nil, load(second), "held"},
		{"no root", true, cr3, 0, nil, load(model.NoFrame), "broken"},
		{"empty root", true, cr3, 0, nil, load(empty), "broken"},
		{"root writable in a guest", true, up, 0, nil, own(root, entry(root, final)), "broken"},
		{"root writable natively", false, model.OpStore, 0, nil, own(root, entry(root, final)), "silent"},
		{"root not mapped", false, model.OpStore, 0, nil, own(root, 0), "broken"},
		{"another frame where the root should be", false, model.OpStore, 0, nil, own(root, entry(data, final)), "broken"},
		{"another frame where another root should be", false, model.OpStore, 0, nil, own(second, entry(data, final)), "silent"},
		{"such a root loaded", false, model.OpLoadCR3, 0, own(second, entry(data, final)), load(second), "broken"},
		{"writable root loaded", true, cr3, 0, own(second, entry(second, final)), load(second), "broken"},
		{"writable by another address", true, cr3, 0, own(data, entry(second, final)), both(load(second)), "held"},
	})
}

// TestRootOutsideTheGuest loads a frame that is not the guest's.
func TestRootOutsideTheGuest(t *testing.T) {
	x := newScene(t, "root-valid", true)
	m, err := model.NewPhysMap([]model.MFN{0, 1, 2}, []model.MFN{3})
	if err != nil {
		t.Fatal(err)
	}
	x.L.Map = m
	x.CPU.CR3 = 3
	if got := x.verdict(model.OpNewBaseptr, model.Call{}); got != "broken" {
		t.Errorf("%s, want broken", got)
	}
}

// TestCheckerStopsMachine checks that a violation ends the kernel under test, and
// that the first one counts.
func TestCheckerStopsMachine(t *testing.T) {
	for _, keepGoing := range []bool{false, true} {
		x := newScene(t, "translations-kept", false)
		x.c.KeepGoing = keepGoing
		m := model.NewMachine(x.State, x.c)
		crash := m.Run(func() {
			m.Store(offset+3<<model.PageShift+4, 4, 0)
			m.Store(offset+2<<model.PageShift+4, 4, 0)
		})
		if stopped := crash != nil && crash.Kind == model.CrashStopped && crash.Where == "translations-kept"; stopped == keepGoing {
			t.Errorf("keep going %t: died of %v", keepGoing, crash)
		}
		if x.c.Violated != 0 || x.c.Detail.address != offset+9<<model.PageShift {
			t.Errorf("keep going %t: rule %d, %+v", keepGoing, x.c.Violated, x.c.Detail)
		}
	}
}

// TestFirstViolationCounts breaks two rules, one after the other.
func TestFirstViolationCounts(t *testing.T) {
	x := newScene(t, "root-valid", true)
	c := New(nil)
	c.KeepGoing = true
	c.Begin(x.State)
	step := func(edit func()) string {
		edit()
		c.Step(x.m, &model.Step{Op: model.OpMMUUpdate})
		x.Commit()
		return c.Rules()[c.Violated].ID
	}
	want := atEntry(3, 1, 0).WithAddress(offset + 9<<model.PageShift).WithWantFrame(9)
	for i, edit := range []func(){func() { x.set(3, 1, 0) }, func() { x.set(1, 0, entry(root, final)) }, func() { x.CPU.CR3 = empty }} {
		if got := step(edit); got != "translations-kept" || c.Detail != want {
			t.Errorf("step %d: %s %+v, want the first violation %+v", i, got, c.Detail, want)
		}
	}
	if c.BeginAt(x.State, nil); c.Violated != -1 || c.Detail == want {
		t.Errorf("begun again: %d %+v", c.Violated, c.Detail)
	}
}

// TestRuleList checks what reports rely on.
func TestRuleList(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range All() {
		if seen[r.ID] {
			t.Errorf("two rules are called %s", r.ID)
		}
		seen[r.ID] = true
		for _, text := range []string{r.ID, r.Says, r.Applies, r.Source, r.Limits, r.Goal} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s leaves something unsaid: %+v", r.ID, r)
			}
		}
		if found, ok := Find(r.ID); !ok || found.Says != r.Says {
			t.Errorf("%s is not found", r.ID)
		}
	}
	if _, ok := Find("no-such-rule"); ok {
		t.Error("a rule is found that does not exist")
	}
	if got := fmt.Sprint(len(New(nil).Rules())); got != fmt.Sprint(len(Rules())) {
		t.Errorf("a checker has %s rules", got)
	}
}
