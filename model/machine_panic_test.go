package model_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

// value is what a kernel may panic with.
type value struct{ p *int }

// TestGoPanics wants panics of kernel code to be deaths of the kernel, told in one line
// that is always the same.
func TestGoPanics(t *testing.T) {
	var none map[int]int
	var empty []int
	var text string
	for want, fn := range map[string]func(){
		"runtime error: index out of range [3] with length 0": func() { empty[len(empty)+3]++ },
		"assignment to entry in nil map":                      func() { none[1] = 1 },
		"two words":                                           func() { panic("two\nwords") },
		"an error":                                            func() { panic(errors.New("an error")) },
		"a value of type model_test.value":                    func() { panic(value{new(int)}) },
		"strings: negative Repeat count":                      func() { text += strings.Repeat("x", len(empty)-1) },
		strings.Repeat("é", 200) + "...":                      func() { panic(strings.Repeat("é", 300)) },
		"runtime error: invalid memory address or nil pointer dereference": func() { *value{}.p = 1 },
		"<nil>":                          func() { panic((*model.Crash)(nil)) },
		"panic called with nil argument": func() { panic(nil) },
	} {
		m := model.Bare(t)
		m.RecordSites = true
		c := m.Run(func() { m.Load(0xa000, 4); fn() })
		if c == nil || c.Kind != model.CrashGoPanic || !strings.HasPrefix(c.Error(), "go-panic "+want) || len(c.Stack) == 0 {
			t.Errorf("%v: want %s", c, want)
		}
		if c := m.Run(func() { m.Load(0xa000, 4) }); c != nil {
			t.Errorf("after it: %v", c)
		}
	}
}

// TestGoPanicsWhereverCalled wants them told from faults of the machine wherever it calls
// kernel code.
func TestGoPanicsWhereverCalled(t *testing.T) {
	boom := func() { panic("boom") }
	m := model.TwoProcessors(t)
	m.L.Life = &model.LifeMap{}
	for name, run := range map[string]func() *model.Crash{
		"on the other processor": func() *model.Crash { return m.Run(func() { m.OnOther(boom) }) },
		"in a handler": func() *model.Crash {
			m.OnFault = func(model.PageFault) bool { boom(); return true }
			return m.Run(func() { m.Load(0x3f000, 4) })
		},
		"in a pair": func() *model.Crash {
			return model.NewDuo(m).Run([2]func(){func() { m.Load(0xa000, 4) }, func() { m.Load(0xa000, 4); boom() }}, model.Schedule{})
		},
	} {
		if c := run(); c == nil || c.Kind != model.CrashGoPanic || c.Where != "boom" {
			t.Errorf("%s: %v", name, c)
		}
	}
}

// fault returns the fault of the checker that a function ends in.
func fault(t *testing.T, fn func()) (f *model.Fault) {
	t.Helper()
	defer func() {
		r := recover()
		if f, _ = r.(*model.Fault); f == nil {
			t.Errorf("ends in %v, not in a fault of the checker", r)
			f = new(model.Fault)
		}
	}()
	fn()
	return nil
}

// judge is an observer with a mistake.
type judge struct{ rules []int }

func (j *judge) Step(*model.Machine, *model.Step) { j.rules[1]++ }

// TestFaults wants panics of the machine and of observers to be faults of the checker
// that name the code at fault and the kernel code it served.
func TestFaults(t *testing.T) {
	m := model.Bare(t)
	f := fault(t, func() { m.Run(func() { m.Word(77, 0) }) })
	for _, part := range []string{"a fault of the checker", "panic in model.(*State).Word (", "called from model_test.TestFaults", "(machine_panic_test.go:", "out of range [77]"} {
		if !strings.Contains(f.Error(), part) {
			t.Errorf("%q lacks %q", f.Error(), part)
		}
	}
	if c := m.Run(func() { m.Load(0xa000, 4) }); c != nil {
		t.Errorf("after a fault: %v", c)
	}
	m.Observe(new(judge))
	f = fault(t, func() { m.Run(func() { m.Store(0xa000, 4, 1) }) })
	for _, part := range []string{"panic in model_test.(*judge).Step (", "out of range [1]"} {
		if !strings.Contains(f.Error(), part) {
			t.Errorf("%q lacks %q", f.Error(), part)
		}
	}
	two := model.TwoProcessors(t)
	fault(t, func() {
		model.NewDuo(two).Run([2]func(){func() { two.Word(77, 0) }, func() {}}, model.Schedule{})
	})
}

// TestSwallowedDeaths wants kernel code that recovers from its death to be dead.
func TestSwallowedDeaths(t *testing.T) {
	try := func(fn func()) {
		defer func() { recover() }()
		fn()
	}
	m := model.Bare(t)
	m.RecordSites = true
	died := func() { m.Load(0x3000, 4) }
	m.SetEntry(m.L.Geo, 1, 3, 0)
	m.Commit()
	for name, fn := range map[string]func(){
		"and returns":      func() { try(died) },
		"and stores":       func() { try(died); m.Store(0xa000, 4, 7) },
		"and dies again":   func() { try(died); m.Bug("later", model.OK) },
		"and panics":       func() { try(died); panic("instead") },
		"more than once":   func() { try(died); try(func() { m.Store(0xa000, 4, 7) }); try(died) },
		"while it unwinds": func() { defer m.Store(0xa000, 4, 7); died() },
	} {
		before := m.Word(2, 0)
		c := m.Run(fn)
		if c == nil || c.Kind != model.CrashFault || c.VA != 0x3000 || len(c.Stack) == 0 {
			t.Errorf("%s: %v", name, c)
		}
		if m.Word(2, 0) != before {
			t.Errorf("%s: it stores after its death", name)
		}
	}
	if c := m.Run(func() { try(func() { panic("its own business") }); m.Load(0xa000, 4) }); c != nil {
		t.Errorf("a panic of its own that it recovers from: %v", c)
	}
}

// TestGoexit wants to be told of kernel code that ends its goroutine.
func TestGoexit(t *testing.T) {
	m := model.Bare(t)
	told := make(chan []uintptr, 1)
	m.OnGoexit = func(stack []uintptr) { told <- stack }
	for _, run := range []func(){
		func() { m.Run(func() { m.Load(0xa000, 4); runtime.Goexit() }) },
		func() { m.Run(func() { defer func() { recover() }(); runtime.Goexit() }) },
	} {
		returned, done := false, make(chan bool)
		go func() {
			defer close(done)
			run()
			returned = true
		}()
		<-done
		if stack := <-told; len(stack) == 0 || returned {
			t.Errorf("stack %v, returned: %t", stack, returned)
		}
	}
	if c := m.Run(func() { m.Load(0xa000, 4) }); c != nil {
		t.Error(c)
	}
}
