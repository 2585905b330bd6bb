package model

import "testing"

// TestBudget wants kernel code that does not end to be ended, whatever it waits with,
// and as many operations as were asked for.
func TestBudget(t *testing.T) {
	for name, spin := range map[string]func(m *Machine){
		"loads":      func(m *Machine) { m.Load(0x8000, 4) },
		"stores":     func(m *Machine) { m.Store(0xa000, 4, 0) },
		"flushes":    func(m *Machine) { m.FlushPage(0) },
		"marks":      func(m *Machine) { m.End(m.Begin(Call{Kind: CallMap})) },
		"hooks":      func(m *Machine) { m.NoteHook(HookAllocPT, 1) },
		"suspending": func(m *Machine) { m.Suspend() },
	} {
		m := bare(t)
		m.Budget = 100
		did := 0
		c := m.Run(func() {
			for {
				spin(m)
				did++
			}
		})
		if name == "marks" {
			did *= 2
		}
		if c == nil || c.Kind != CrashHang || c.Count != 100 || did != 100 {
			t.Errorf("%s: %v after %d", name, c, did)
		}
		if c := m.Run(func() { spin(m) }); c != nil {
			t.Errorf("%s: the next run: %v", name, c)
		}
		for range 200 {
			spin(m) // not part of a run
		}
	}
}

// TestNoBudget wants no bound where none is set.
func TestNoBudget(t *testing.T) {
	m := bare(t)
	if c := m.Run(func() {
		for range 1 << 18 {
			m.Load(0x8000, 4)
		}
	}); c != nil {
		t.Error(c)
	}
}

// TestBudgetOfTwo wants two processors to share a budget. The operation before which
// the first one is preempted is counted and not carried out.
func TestBudgetOfTwo(t *testing.T) {
	m := twoProcessors(t)
	m.Budget = 50
	did := 0
	spin := func() {
		for {
			m.FlushPage(0)
			did++
		}
	}
	if c := NewDuo(m).Run([2]func(){spin, spin}, Schedule{Points: [MaxPreemptions]uint8{10}}); c == nil || c.Kind != CrashHang || did != 49 {
		t.Errorf("%v after %d", c, did)
	}
}

// TestNothingThere wants kernel code that reaches for what the machine does not have to
// die, as on a real one, and not the machine.
func TestNothingThere(t *testing.T) {
	for want, fn := range map[string]func(m *Machine){
		"bug null call of hypercall_page": func(m *Machine) { m.MMUUpdate(1<<50, 3) },
		"fault read 00008000":             func(m *Machine) { m.LoadCR3(9999) },
		"deadlock":                        func(m *Machine) { m.OnOther(func() {}) },
	} {
		m := bare(t)
		if got := died(m, func() { fn(m) }); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
