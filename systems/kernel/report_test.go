package kernel_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/xen"
)

// firstFinding searches a backend with a bug and explains the first thing that goes
// wrong.
func firstFinding(t *testing.T, b *kernel.Backend, v systems.Values, bug func(*hooks.Ops, *hooks.Funcs)) *reports.Finding {
	t.Helper()
	searches, err := b.Searches(v, systems.Change{Kernel: bug})
	if err != nil {
		t.Fatal(err)
	}
	r, err := searches[0].Run(t.Context(), explore.Options{Depth: 8, Workers: 1})
	if err != nil || len(r.Findings) == 0 {
		t.Fatalf("%s: %d findings, %v", b.Name, len(r.Findings), err)
	}
	x, err := searches[0].Scenario(r.Findings[0])
	if err != nil {
		t.Fatal(err)
	}
	p, err := x.Play(systems.PlayOptions{Report: true})
	if err != nil {
		t.Fatal(err)
	}
	return p.Finding
}

// broken are systems with a bug each, and what the report must say of it.
func broken(t *testing.T) map[string]*reports.Finding {
	t.Helper()
	anew := func(_ *hooks.Ops, f *hooks.Funcs) {
		f.OneMDTableInit = func(k *hooks.Kernel, level int, entry model.VA) model.VA {
			pfn := k.M.AllocBootmem()
			k.PV.AllocPD(k, pfn)
			k.SetUpper(level, entry, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(model.Present)))
			return k.TableOf(level, entry)
		}
	}
	open := func(o *hooks.Ops, _ *hooks.Funcs) { o.SetPTE[model.VariantInit] = xen.SetPTE }
	return map[string]*reports.Finding{
		"native": firstFinding(t, boot.Native(), systems.Values{"levels": "3"}, anew),
		"xen":    firstFinding(t, boot.Xen(), systems.Values{"levels": "4"}, open),
		"race":   firstFinding(t, fixmapRace(t), systems.Values{"preemptions": "2"}, clearsFirst),
	}
}

// TestReportsAgreeWithThemselves wants the steps of each last call to lead from
// the state before it to the state after it, and every place to exist.
func TestReportsAgreeWithThemselves(t *testing.T) {
	for name, f := range broken(t) {
		last, now := f.Last(), f.Before(len(f.Calls)-1)
		for i := range last.Steps {
			s := &last.Steps[i]
			checkStep(t, name, now, s)
			if s.After != nil {
				now = s.After
			}
			for _, at := range s.Stack {
				checkSite(t, &at)
			}
			if len(s.Stack) == 0 {
				t.Errorf("%s: nobody took step %d, %s", name, i+1, s.What)
			}
		}
		// What a call remembers after its last step is no step.
		if d := reports.Compare(now, &last.After); len(d.Tables)+len(d.Pages) > 0 {
			t.Errorf("%s: the steps do not lead to the end of the call: %+v", name, d)
		}
		for i := range f.Calls {
			if f.Calls[i].Site == nil {
				t.Fatalf("%s: nobody carries out call %d", name, i+1)
			}
			checkSite(t, f.Calls[i].Site)
		}
		for _, w := range f.Walks {
			for _, h := range w.Hops {
				if table := last.After.Find(h.Frame, h.Geometry); table == nil || table.Entry(h.Slot) != h.Entry {
					t.Errorf("%s: the walk %q has %+v, the state does not", name, w.Title, h)
				}
			}
		}
	}
}

// checkStep wants the entries that a step changed to be in the states before and
// after it.
func checkStep(t *testing.T, name string, before *reports.State, s *reports.Step) {
	t.Helper()
	after := before
	if s.After != nil {
		after = s.After
	}
	for _, c := range s.Changes {
		found := false
		for _, g := range after.Geometries() {
			now, was := after.Find(c.Frame, g), before.Find(c.Frame, g)
			found = found || now != nil && now.Entry(c.Slot) == c.New && (was == nil || was.Entry(c.Slot) == c.Old)
		}
		if gone := c.New == "0" && after == before; !found && !gone {
			t.Errorf("%s: %s says %s; the states do not", name, s.What, c)
		}
	}
}

func checkSite(t *testing.T, s *reports.Site) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(s.File)))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), "\n") < s.Line || s.Line < 1 || strings.HasPrefix(s.File, "systems/") && !strings.HasSuffix(s.File, "_test.go") {
		t.Errorf("%v is no place of the kernel's code", s)
	}
}

// TestReportsSayWhy wants what a reader looks for first.
func TestReportsSayWhy(t *testing.T) {
	all := broken(t)
	for name, want := range map[string]struct{ id, detail, file string }{
		"native": {"present-not-reallocated", "entry f0[1], a pointer to a table, was ", "native/hooks.go"},
		"xen":    {"crash-store-rejected", "is in use as", "xen/mmu.go"},
		"race":   {"fixmap-lands", "", "xen/mmu.go"},
	} {
		f := all[name]
		if name == "xen" {
			want.detail = "the store asks for "
		}
		if f.ID() != want.id || !strings.Contains(f.Detail, want.detail) || f.Site() == nil || f.Site().File != want.file {
			t.Errorf("%s: %s, %q, at %v; want %+v", name, f.ID(), f.Detail, f.Site(), want)
		}
	}
	if w := all["xen"].Walks; len(w) != 2 || !w[0].Hops[len(w[0].Hops)-1].Wrong || w[1].Frame == "" {
		t.Errorf("xen: walks %+v", w)
	}
	both := map[string]bool{}
	for _, s := range all["race"].Last().Steps {
		both[s.What[:5]] = true
	}
	if !both["cpu0 "] || !both["cpu1 "] {
		t.Errorf("race: steps of %v, want both processors", both)
	}
}
