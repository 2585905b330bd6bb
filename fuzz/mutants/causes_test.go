package mutants

import (
	"context"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// reportOf searches a mutant and plays the way to what it breaks.
func reportOf(t *testing.T, id string) *reports.Finding {
	t.Helper()
	list, err := Find([]string{id})
	if err != nil {
		t.Fatal(err)
	}
	r, err := list[0].Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	x, err := list[0].Scenario(&r)
	if err != nil {
		t.Fatal(err)
	}
	p, err := x.Play(systems.PlayOptions{Report: true})
	if err != nil || p.Finding == nil {
		t.Fatalf("%s: no report: %v", id, err)
	}
	return p.Finding
}

// TestReportsSayWhatLedToIt wants the other mappings with their makers, who held back what
// was carried out later, the read that was out of date, and who moved the counts.
func TestReportsSayWhatLedToIt(t *testing.T) {
	for _, c := range []struct {
		id     string
		detail []string
		causes []string // words of one cause each, apart by stars
	}{
		{"shared-writable", []string{"writable at 0x1000 in a process's part", "another at 0x1000"}, []string{
			"which maps f24 at 0x1000 under the root of process 1*mutants.shareWritable",
			"which maps f24 at 0x1000 under the root of process 0*hooks.(*Kernel).setLazily"}},
		{"L14", []string{"is mapped writable at 0x68000 in the kmaps"}, []string{"which maps f24 at 0x68000*in step*of call 3*for hooks.Kmap"}},
		{"list-mapped", []string{"mapped besides at 0x40000"}, []string{"at 0x40000 under CR3, at the start of the day", "in step*mutants.listMapped"}},
		{"L09", nil, []string{"the update of f14[6]*was held back*xen.update*for hooks.VmallocSyncOne"}},
		{"lazy-leave", nil, []string{"the update of*was held back*xen.update*for hooks.(*Kernel).modifyRights"}},
		{"lazy-unlocked", nil, []string{"which maps*by xen.FlushQueue", "was held back*for hooks.(*Kernel).setLazily",
			"cpu0 read*went on after cpu1 had changed it*hooks.(*Kernel).readPTE", "cpu1 read*while an update of it was held back"}},
		{"X01", []string{"writable at 0x0"}, []string{"which maps f1 at 0x0*in step 1 of call 1"}},
		{"X07", nil, []string{"references to f2: 1 taken for its use, in call 1*(*State).pin", "1 given back for its use, in call 3*(*State).unpin"}},
		{"X09", nil, []string{"1 taken in general, in call 1*(*State).getLeaf"}},
	} {
		f := reportOf(t, c.id)
		for _, want := range c.detail {
			if !strings.Contains(f.Detail, want) {
				t.Errorf("%s: %q does not say %q", c.id, f.Detail, want)
			}
		}
		for _, want := range c.causes {
			if !anyCause(f, want) {
				t.Errorf("%s: no cause says %q: %+v", c.id, want, lines(f))
			}
		}
		for _, x := range f.Causes {
			if x.Call > len(f.Calls) || x.Step > 0 && x.Step > len(f.Calls[x.Call-1].Steps)+1 {
				t.Errorf("%s: %q is at no point of the way", c.id, x.Line())
			}
		}
	}
}

// anyCause reports whether a cause of a finding has some words in a row, apart by stars.
func anyCause(f *reports.Finding, words string) bool {
next:
	for _, line := range lines(f) {
		for _, w := range strings.Split(words, "*") {
			_, rest, ok := strings.Cut(line, w)
			if !ok {
				continue next
			}
			line = rest
		}
		return true
	}
	return false
}

func lines(f *reports.Finding) (out []string) {
	for _, c := range f.Causes {
		out = append(out, c.Line())
	}
	return out
}

// TestFlagsAreSteps wants what a kernel does to its flags told like a step: a decision that
// rests on one can be followed.
func TestFlagsAreSteps(t *testing.T) {
	f := reportOf(t, "L07")
	var read, set bool
	for i := range f.Calls {
		for _, s := range f.Calls[i].Steps {
			read = read || strings.Contains(s.What, "read flag PG_pinned of") && len(s.Stack) > 0
			set = set || strings.Contains(s.What, "flag PG_pinned of") && strings.HasSuffix(s.What, ": set")
		}
	}
	if !read || !set {
		t.Errorf("a flag is read: %t, and set: %t; want both among the steps", read, set)
	}
}
