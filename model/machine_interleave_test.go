package model

import (
	"slices"
	"testing"
)

// counterVA is the address of a word that both processors of these tests use.
const counterVA VA = 0x8000 + 3*PageSize

// twoProcessors is the bare machine with a second processor.
func twoProcessors(t testing.TB, observers ...Observer) *Machine {
	t.Helper()
	s, rc := bare(t).TwoProcessors()
	if rc != OK {
		t.Fatal(rc)
	}
	return NewMachine(s, observers...)
}

// eachSchedule runs code under every schedule with at most n preemptions.
func eachSchedule(m *Machine, n int, code [2]func(), look func(s Schedule, died *Crash)) {
	d := NewDuo(m)
	start := NewState(m.L)
	start.CopyFrom(m.State)
	var extend func(s Schedule, at int) bool
	extend = func(s Schedule, at int) bool {
		m.State.CopyFrom(start)
		died := d.Run(code, s)
		if !d.Followed() {
			return false
		}
		look(s, died)
		for p := uint8(1); at < n; p++ {
			if s.Points[at] = p; !extend(s, at+1) {
				break
			}
		}
		return true
	}
	for first := range 2 {
		extend(Schedule{First: first}, 0)
	}
	m.State.CopyFrom(start)
}

// increment adds one to the common word.
func increment(m *Machine) { m.Store(counterVA, 4, m.Load(counterVA, 4)+1) }

// TestLostUpdate increments a word on both processors: an update is lost exactly
// when one is preempted between its load and its store.
func TestLostUpdate(t *testing.T) {
	m := twoProcessors(t)
	plain := func() { increment(m) }
	locked := func() { m.Lock(3); increment(m); m.Unlock(3) }
	for _, x := range []struct {
		name        string
		code        func()
		preemptions int
		lost        int
		all         int
	}{
		{"plain", plain, 0, 0, 2},
		{"plain", plain, 1, 2, 4},
		{"locked", locked, 0, 0, 2},
		{"locked", locked, 1, 0, 8},
		{"locked", locked, 2, 0, 8}, // a processor that waits cannot be preempted
	} {
		lost, all := 0, 0
		eachSchedule(m, x.preemptions, [2]func(){x.code, x.code}, func(s Schedule, died *Crash) {
			if died != nil {
				t.Fatalf("%s, %v: %v", x.name, s, died)
			}
			all++
			if m.Word(3, 0) != 2 {
				lost++
			}
			if m.Running() != 0 || m.locks != 0 {
				t.Fatalf("%s, %v: processor %d, locks %x", x.name, s, m.Running(), m.locks)
			}
		})
		if lost != x.lost || all != x.all {
			t.Errorf("%s with %d preemptions: %d of %d schedules lose an update, want %d of %d", x.name, x.preemptions, lost, all, x.lost, x.all)
		}
	}
}

// TestDeadlock takes two locks in different orders.
func TestDeadlock(t *testing.T) {
	m := twoProcessors(t)
	take := func(a, b int) func() {
		return func() { m.Lock(a); m.Lock(b); m.Unlock(b); m.Unlock(a) }
	}
	for n, want := range []bool{false, true} {
		found := false
		eachSchedule(m, n, [2]func(){take(0, 1), take(1, 0)}, func(_ Schedule, died *Crash) {
			found = found || died != nil && died.Kind == CrashDeadlock
		})
		if found != want {
			t.Errorf("with %d preemptions: deadlock %v, want %v", n, found, want)
		}
	}
	if got := died(m, func() { m.Lock(1); m.Lock(1) }); got != "deadlock" {
		t.Errorf("a lock taken twice: %s", got)
	}
	if got := died(m, func() { m.Unlock(1) }); got != "bug spin_unlock BUG" {
		t.Errorf("a free lock released: %s", got)
	}
}

// TestDeathStopsBoth checks that nobody goes on when one processor has died.
func TestDeathStopsBoth(t *testing.T) {
	m := twoProcessors(t)
	code := [2]func(){
		func() { increment(m); increment(m) },
		func() { m.Bug("test", OK) },
	}
	d := NewDuo(m)
	died := d.Run(code, Schedule{Points: [MaxPreemptions]uint8{2}})
	if died == nil || died.Kind != CrashBug || m.Word(3, 0) != 1 || m.Running() != 0 {
		t.Errorf("died of %v, word %d, processor %d", died, m.Word(3, 0), m.Running())
	}
}

// TestStepsTellProcessors checks what steps say about who took them, and that a
// schedule taken twice gives the same steps.
func TestStepsTellProcessors(t *testing.T) {
	var runs [2][]Step
	for n := range runs {
		log := new(stepLog)
		m := twoProcessors(t, log)
		code := func() {
			outer := m.Begin(Call{Kind: CallZap})
			increment(m)
			m.End(outer)
		}
		if died := NewDuo(m).Run([2]func(){code, code}, Schedule{First: 1, Points: [MaxPreemptions]uint8{1}}); died != nil {
			t.Fatal(died)
		}
		runs[n] = log.steps
	}
	type view struct {
		op   Op
		cpu  int
		busy bool
	}
	want := []view{
		{OpCallBegin, 1, false}, {OpCallBegin, 0, true}, {OpStore, 0, true}, {OpCallEnd, 0, true},
		{OpStore, 1, false}, {OpCallEnd, 1, false},
	}
	for n := range runs {
		var got []view
		for _, s := range runs[n] {
			got = append(got, view{s.Op, s.CPU, s.Busy})
		}
		if !slices.Equal(got, want) {
			t.Errorf("run %d: %v, want %v", n, got, want)
		}
	}
}

// TestInterruptsTellOfTheSender checks what steps say that one processor takes because the
// other has asked it to: that one waits in the middle of its call.
func TestInterruptsTellOfTheSender(t *testing.T) {
	log := new(stepLog)
	m := twoProcessors(t, log)
	died := m.Run(func() {
		outer := m.Begin(Call{Kind: CallZap})
		m.OnOther(func() { increment(m) })
		m.End(outer)
	})
	if died != nil {
		t.Fatal(died)
	}
	for _, s := range log.steps {
		if asked := s.CPU == 1; s.Busy != asked {
			t.Errorf("%v of processor %d: busy %t", s.Op, s.CPU, s.Busy)
		}
	}
	if n := len(log.steps); n < 3 || log.steps[1].CPU != 1 {
		t.Errorf("%d steps: %+v", n, log.steps)
	}
}

// TestSecondProcessorPacked packs states of two processors and unpacks them.
func TestSecondProcessorPacked(t *testing.T) {
	for _, geo := range allGeometries() {
		s := bootGuest(t, geo, Xen31(), 40)
		s.TLB.Sticky = true
		two, rc := s.TwoProcessors()
		if rc != OK {
			t.Fatal(rc)
		}
		var census Census
		if err := census.Check(two); err != nil {
			t.Errorf("%s: %v", geo.Name, err)
		}
		two.SwitchProcessor()
		two.TLB.fill(tlbEntry{page: 0x5000, frame: 3, write: true})
		two.SwitchProcessor()
		packed := two.AppendPacked(nil)
		again := NewState(two.L)
		if rest := again.Unpack(packed); len(rest) != 0 {
			t.Errorf("%s: %d bytes left", geo.Name, len(rest))
		}
		if repacked := again.AppendPacked(nil); !slices.Equal(packed, repacked) {
			t.Errorf("%s: packed differently the second time", geo.Name)
		}
		if again.CPUOf(1).CR4 != s.CPU.CR4 || !slices.Equal(again.TLBOf(1).entries, two.TLBOf(1).entries) || again.Roots() != two.Roots() {
			t.Errorf("%s: the second processor was lost", geo.Name)
		}
	}
}

// TestLocksOfTheDead has a kernel die with a lock held: those that run afterwards
// must not wait for it.
func TestLocksOfTheDead(t *testing.T) {
	m := twoProcessors(t)
	if died := m.Run(func() { m.Lock(3); m.Bug("dies", OK) }); died == nil {
		t.Fatal("the kernel lives")
	}
	code := func() { m.Lock(3); m.Unlock(3) }
	if died := NewDuo(m).Run([2]func(){code, code}, Schedule{}); died != nil {
		t.Errorf("another one dies: %v", died)
	}
}
