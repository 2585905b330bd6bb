package kernel_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// watcher takes down what it is told.
type watcher struct {
	steps int
	lines []string
}

func (w *watcher) Step(*model.State, reports.Step) { w.steps++ }
func (w *watcher) Done(_ int, op, answer string, _ *model.State) {
	w.lines = append(w.lines, op+" = "+answer)
}
func (w *watcher) Over() bool { return false }

// counting counts the calls of every hook that a kernel has.
func counting(n *int) func(*hooks.Ops, *hooks.Funcs) {
	return func(o *hooks.Ops, f *hooks.Funcs) {
		countIn(reflect.ValueOf(o).Elem(), n)
		countIn(reflect.ValueOf(f).Elem(), n)
	}
}

// countIn puts a counter in front of the functions of a value.
func countIn(v reflect.Value, n *int) {
	switch v.Kind() {
	case reflect.Func:
		if !v.IsNil() && v.CanSet() {
			hook := reflect.ValueOf(v.Interface())
			v.Set(reflect.MakeFunc(v.Type(), func(args []reflect.Value) []reflect.Value {
				*n++
				return hook.Call(args)
			}))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			countIn(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			countIn(v.Index(i), n)
		}
	}
}

// TestCallsRunOnce plays a path of each system in every way. Verdict, answers, report
// and what a watcher sees come from one run: each hook is called as often as when the
// calls are made by hand. Only two calls side by side are made once more: whether they
// can follow their schedule shows when they are made.
func TestCallsRunOnce(t *testing.T) {
	for _, b := range kerneltest.Backends() {
		n := 0
		change := systems.Change{Kernel: counting(&n)}
		start, path, once := somePath(t, b, &n)
		x, err := b.Scenario(kernel.Bounds{}, start, path, change)
		if err != nil {
			t.Fatal(err)
		}
		want := once
		for i, c := range path {
			if c.Beside.Kind != model.CallNone {
				want += hooksOf(t, b, start, path, i, &n)
			}
		}
		w := &watcher{}
		for _, o := range []systems.PlayOptions{{}, {Place: true}, {Report: true}, {Report: true, Place: true, Watch: w}, {Lenient: true}} {
			n = 0
			p, err := x.Play(o)
			if err != nil || n != want || once < len(path) {
				t.Errorf("%s: %d hooks by %+v, %d by hand; %v", b.Name, n, o, want, err)
				continue
			}
			var told []string
			for _, line := range p.Printed {
				told = append(told, strings.SplitN(line, " ", 3)[2])
			}
			if o.Watch != nil && (!slices.Equal(told, w.lines) || w.steps < len(path)) {
				t.Errorf("%s: a watcher sees %d steps, %q; answers are %q", b.Name, w.steps, w.lines, told)
			}
		}
	}
}

// somePath is a path of a backend that nothing goes wrong on, as long as it gets, and
// how many hooks are called on it.
func somePath(t *testing.T, b *kernel.Backend, n *int) (start string, path []kernel.Call, called int) {
	t.Helper()
	s := kerneltest.New(t, b, kernel.Options{Preemptions: 1, Change: systems.Change{Kernel: counting(n)}})
	m := s.NewModel()
	m.Watch() // by nobody, but each call is made once
	m.Init(0)
	m.CheckInit()
	for range 12 {
		codes := m.Enabled(nil)
		if len(codes) == 0 {
			break
		}
		c := kernel.CallOf(codes[len(codes)-1])
		*n = 0
		if o := m.Apply(c.Code()); o.Kind != explore.Moved {
			t.Fatalf("%s: %v: %v", b.Name, c, o.Kind)
		}
		called += *n
		path = append(path, c)
	}
	return s.Inits[0].Name, path, called
}

// hooksOf is how many hooks call i of a path calls.
func hooksOf(t *testing.T, b *kernel.Backend, start string, path []kernel.Call, i int, n *int) int {
	t.Helper()
	m := kerneltest.New(t, b, kernel.Options{Preemptions: 1, Change: systems.Change{Kernel: counting(n)}}).NewModel()
	m.Watch()
	m.Init(0)
	for _, c := range path[:i] {
		m.Apply(c.Code())
	}
	*n = 0
	m.Apply(path[i].Code())
	return *n
}
