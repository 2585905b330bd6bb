package view

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// TestSplitName splits names of functions as the Go runtime has them.
func TestSplitName(t *testing.T) {
	for function, want := range map[string][2]string{
		"example.com/mine.Set":                        {"example.com/mine", "mine.Set"},
		"example.com/mine.(*T).Set":                   {"example.com/mine", "mine.(*T).Set"},
		"example.com/mine.Set[...]":                   {"example.com/mine", "mine.Set[...]"},
		"example.com/mine.Set[example.com/a.B].func1": {"example.com/mine", "mine.Set[example.com/a.B].func1"},
		"gopkg.in/mine%2ev3.Set":                      {"gopkg.in/mine.v3", "mine.v3.Set"},
		"mine.Ops.func1":                              {"mine", "mine.Ops.func1"},
		"main.main":                                   {"main", "main.main"},
		"example.com/a%zz.Set":                        {"example.com/a%zz", "a%zz.Set"},
		"github.com/ptcheck/ptcheck/systems/kernel.f": {"github.com/ptcheck/ptcheck/systems/kernel", "kernel.f"},
		"nothing": {"nothing", "nothing"},
	} {
		if pkg, name := splitName(function); pkg != want[0] || name != want[1] {
			t.Errorf("%s: %s, %s; want %v", function, pkg, name, want)
		}
	}
}

// TestSites names files of this module, of modules that are there and that are not.
func TestSites(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "deep", "er"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("// mine\nmodule example.com/mine\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs("trail_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ function, file, want string }{
		{"github.com/ptcheck/ptcheck/systems/view.TestSites", here, "systems/view/trail_test.go"},
		{"github.com/ptcheck/ptcheck/systems/view_test.TestSites", here, "systems/view/trail_test.go"},
		{"example.com/mine.Set", dir + "/a.go", "example.com/mine/a.go"},
		{"main.main.Set.func1", dir + "/deep/er/a.go", "example.com/mine/deep/er/a.go"},
		{"example.com/gone/sub.Set", "/no/such/folder/a.go", "example.com/gone/sub/a.go"},
		{"example.com/gone/sub_test.Set", "/no/such/folder/a_test.go", "example.com/gone/sub/a_test.go"},
		{"example.com/other.Set", dir + "/vendor/example.com/other/a.go", "example.com/other/a.go"},
		{"example.com/mine/sub.Set", "example.com/mine@v1.2.3/sub/a.go", "example.com/mine/sub/a.go"},
		{"github.com/ptcheck/ptcheck/xen.Set", "github.com/ptcheck/ptcheck/xen/a.go", "xen/a.go"},
	} {
		p := paths{}
		for range 2 { // the second time from what it remembers
			at := p.site(x.function, x.file, 7)
			if at.File != x.want || at.Line != 7 || at.Outside != (at.File[0] == 'e') {
				t.Errorf("%s in %s: %+v, want %s", x.function, x.file, at, x.want)
			}
		}
	}
}

// enter and reach are the ends of a trail.
func enter(fn func()) { fn() }

// TestTrail takes the code under test off a stack: neither the machine nor the rules, nor
// what makes the call.
func TestTrail(t *testing.T) {
	g, err := model.NewGeometry("tiny", 4, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	l := &model.Layout{Geo: g, Map: model.IdentityMap(4)}
	l.Kernel = model.KernelMap{PageOffset: 0x8000, MaxLowPFN: 4}
	m := model.NewMachine(model.NewState(l), invariants.New(nil))
	m.RecordSites = true
	trail := NewTrail(enter, TestSplitName)
	var crash *model.Crash
	enter(func() {
		crash = m.Run(func() { enter(func() { m.Load(0x8000, 4) }) })
	})
	if at := trail.Of(crash.Stack, nil); len(at) != 0 {
		t.Errorf("the accessors' file is this one: %v", at)
	}
	trail = NewTrail(enter, NewTrail)
	at := trail.Of(crash.Stack, nil)
	if len(at) != 1 || at[0].File != "systems/view/trail_test.go" || at[0].Outside {
		t.Errorf("%v", at)
	}
	if !trail.Entered(crash.Stack) || trail.Entered(nil) || trail.Entered(crash.Stack[:2]) || len(trail.Of(nil, nil)) != 0 || len(trail.Here()) != 0 {
		t.Error("a stack is taken for another")
	}
}

// ferry carries out a function for code that is not Go.
type ferry func()

func (f ferry) Cross() { f() }

// looker is told of each step.
type looker func()

func (l looker) Step(*model.Machine, *model.Step) { l() }

// TestTrailAbroad wants the places of code that is not Go where Go's stack goes through
// it, and not the package that carries its operations out: this one.
func TestTrailAbroad(t *testing.T) {
	g, err := model.NewGeometry("tiny", 4, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	l := &model.Layout{Geo: g, Map: model.IdentityMap(4)}
	l.Kernel = model.KernelMap{PageOffset: 0x8000, MaxLowPFN: 4}
	m := model.NewMachine(model.NewState(l))
	m.RecordSites = true
	file := filepath.Join(t.TempDir(), "a.c")
	out, in := []model.Place{{Function: "out", File: file, Line: 1}}, []model.Place{{Function: "in", File: file, Line: 2}, {Function: "by", File: file, Line: 3}}
	trail := NewTrail(enter, NewTrail)
	trail.Places = m.Places
	var here []reports.Site
	m.Observe(looker(func() { here = trail.Here() }))
	var crash *model.Crash
	enter(func() {
		crash = m.Run(func() {
			enter(func() {
				m.Abroad(out, ferry(func() {
					m.Abroad(in, ferry(func() { m.FlushTLB(); m.Load(0x8000, 4) }))
				}))
			})
		})
	})
	for _, got := range [][]reports.Site{here, trail.Of(crash.Stack, crash.Places)} {
		if len(got) != 3 || got[0].Function != "in" || got[1].Function != "by" || got[2].Function != "out" || got[0].Line != 2 || got[0].Path != file {
			t.Errorf("%v", got)
		}
	}
}
