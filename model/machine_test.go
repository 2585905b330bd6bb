package model

import (
	"slices"
	"testing"
)

// bare is a machine with two-level tables in frame 0 (root) and 1 (leaves). The
// direct map is the upper half of the address space; tests map what they need.
func bare(t testing.TB) *Machine {
	t.Helper()
	g, err := NewGeometry("bare", 4, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	l := &Layout{Geo: g, Map: IdentityMap(6)}
	l.Kernel = KernelMap{PageOffset: 0x8000, MaxLowPFN: 6, BootmemFirst: 3}
	s := NewState(l)
	s.CPU.CR3 = 0
	for slot := range 4 {
		s.SetEntry(g, 0, slot, MakeEntry(1, Present|RW))
	}
	for slot := range 4 {
		s.SetEntry(g, 1, slot, MakeEntry(MFN(slot), Present|RW))
	}
	s.Commit()
	return NewMachine(s)
}

// leaf changes the leaf entry of direct-map frame n, which the four addresses
// with the same low bits share, behind the machine's back.
func (m *Machine) leaf(n int, e Entry) {
	m.SetEntry(m.L.Geo, 1, n, e)
	m.Commit()
}

// died runs kernel code and returns how it ended in the words of Crash.
func died(m *Machine, fn func()) string {
	if c := m.Run(fn); c != nil {
		return c.Error()
	}
	return "alive"
}

// stepLog keeps the steps of a machine and the memory words that each changed.
type stepLog struct {
	steps  []Step
	writes [][]Write
}

func (l *stepLog) Step(m *Machine, s *Step) {
	l.steps = append(l.steps, *s)
	l.writes = append(l.writes, slices.Collect(m.Writes))
}

func TestAccessesThatKill(t *testing.T) {
	for _, x := range []struct {
		name string
		prep func(m *Machine)
		run  func(m *Machine)
		want string
	}{
		{"load", nil, func(m *Machine) { m.Load(0xa00c, 4) }, "alive"},
		{"store", nil, func(m *Machine) { m.Store(0xa00c, 4, 1) }, "alive"},
		{"load of nothing", func(m *Machine) { m.leaf(2, 0) }, func(m *Machine) { m.Load(0xa00c, 4) }, "fault read 0000a000"},
		{"store to nothing", func(m *Machine) { m.leaf(2, 0) }, func(m *Machine) { m.Store(0xa00c, 4, 1) }, "fault write 0000a000"},
		{"load of a read-only page", func(m *Machine) { m.leaf(2, 0x2001) }, func(m *Machine) { m.Load(0xa00c, 4) }, "alive"},
		{"store to a read-only page", func(m *Machine) { m.leaf(2, 0x2001) }, func(m *Machine) { m.Store(0xa00c, 4, 1) }, "fault write 0000a000"},
		{"store to a read-only page without WP", func(m *Machine) { m.leaf(2, 0x2001); m.CPU.WP = false }, func(m *Machine) { m.Store(0xa00c, 4, 1) }, "alive"},
		{"clear of a read-only page", func(m *Machine) { m.leaf(2, 0x2001) }, func(m *Machine) { m.ClearPage(0xa000) }, "fault write 0000a000"},
		{"store elsewhere than meant", func(m *Machine) { m.leaf(2, 0x3003) }, func(m *Machine) { m.Store(0xa00c, 4, 1) }, "misaccess write 0000a000 reaches pa 000003000"},
		{"load from elsewhere than meant", func(m *Machine) { m.leaf(2, 0x3003) }, func(m *Machine) { m.Load(0xa00c, 4) }, "misaccess read 0000a000 reaches pa 000003000"},
		{"load from outside memory", func(m *Machine) { m.leaf(2, 0x77003) }, func(m *Machine) { m.Load(0xa00c, 4) }, "misaccess read 0000a000 reaches pa 000077000"},
		{"load elsewhere below the direct map", func(m *Machine) { m.leaf(2, 0x3003) }, func(m *Machine) { m.Load(0x200c, 4) }, "alive"},
		{"load from outside memory below the direct map", func(m *Machine) { m.leaf(2, 0x77003) }, func(m *Machine) { m.Load(0x200c, 4) }, "alive"},
		{"no memory left", func(m *Machine) { m.Kernel.BootmemNext = 6 }, func(m *Machine) { m.AllocBootmem() }, "panic Out of memory"},
		{"new page not mapped", func(m *Machine) { m.leaf(3, 0) }, func(m *Machine) { m.AllocBootmem() }, "fault write 0000b000"},
		{"BUG", nil, func(m *Machine) { m.Bug("f", OK) }, "bug f BUG"},
		{"BUG after a hypercall", nil, func(m *Machine) { m.Bug("f", EINVAL) }, "bug f BUG (hypercall answered -EINVAL)"},
	} {
		m := bare(t)
		if x.prep != nil {
			x.prep(m)
		}
		if got := died(m, func() { x.run(m) }); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
}

// TestRunPassesOnOtherPanics panics in the machine's own package.
func TestRunPassesOnOtherPanics(t *testing.T) {
	m := bare(t)
	defer func() {
		if f, ok := recover().(*Fault); !ok || f.Text != "checker" {
			t.Errorf("recovered %v, want the panic that is not the kernel's", f)
		}
	}()
	m.Run(func() { panic("checker") })
}

func TestStoreHalves(t *testing.T) {
	const high, low = 0x1111_1111_0000_0000, 0x2222_2222
	for _, x := range []struct {
		name       string
		off, width int
		v          uint64
		want       uint64
	}{
		{"whole word", 8, 8, 0xaaaa_bbbb_cccc_dddd, 0xaaaa_bbbb_cccc_dddd},
		{"lower half", 8, 4, 0xaaaa_bbbb_cccc_dddd, high | 0xcccc_dddd},
		{"upper half", 12, 4, 0xaaaa_bbbb_cccc_dddd, 0xcccc_dddd_0000_0000 | low},
	} {
		m := bare(t)
		m.L.Geo.Slots = [mostLevels + 1]int{0, 4, 4} // two words a table
		m.SetWord(2, 1, high|low)
		log := new(stepLog)
		m.Observe(log)
		m.Run(func() { m.Store(VA(0xa000+x.off), x.width, x.v) })
		if got := m.Word(2, 1); got != x.want {
			t.Errorf("%s: word %#x, want %#x", x.name, got, x.want)
		}
		step := Step{Op: OpStore, VA: VA(0xa000 + x.off), Frame: 2, Off: x.off, Width: x.width, Value: x.v}
		if len(log.steps) != 1 || log.steps[0] != step || !slices.Equal(log.writes[0], []Write{{2, 1, high | low}}) {
			t.Errorf("%s: steps %+v, writes %+v; want %+v", x.name, log.steps, log.writes, step)
		}
		var got uint64
		m.Run(func() { got = m.Load(VA(0xa000+x.off), x.width) })
		if want := x.v << (64 - 8*x.width) >> (64 - 8*x.width); got != want {
			t.Errorf("%s: loaded %#x, want %#x", x.name, got, want)
		}
		// What follows a table's last slot is the next page.
		m.Run(func() { m.Store(0xa018, 8, 7); got = m.Load(0xb008, 8) })
		if step = log.steps[len(log.steps)-1]; got != 7 || step.VA != 0xb008 || step.Frame != 3 || step.Off != 8 {
			t.Errorf("%s: the word behind the table is not in the next page: %#x, %+v", x.name, got, step)
		}
	}
}

func TestBootmemHandsOutZeroedPages(t *testing.T) {
	m := bare(t)
	for i := range m.L.words() {
		m.SetWord(3, i, ^uint64(0))
		m.SetWord(2, i, ^uint64(0))
	}
	log := new(stepLog)
	m.Observe(log)
	var pfn PFN
	if got := died(m, func() { pfn = m.AllocBootmem() }); got != "alive" || pfn != 3 || m.Kernel.BootmemNext != 4 {
		t.Fatalf("%s, frame %d, next %d", got, pfn, m.Kernel.BootmemNext)
	}
	if !m.Empty(3) || m.Empty(2) {
		t.Error("not exactly the new page was cleared")
	}
	if len(log.steps) != 2 || log.steps[0].Op != OpBootmem || log.steps[1].Op != OpClearPage || len(log.writes[1]) != m.L.words() {
		t.Errorf("steps %+v", log.steps)
	}
}

// TestCallsAndSteps checks that steps carry the call in progress, an inner one
// inside an outer one, and none after a death.
func TestCallsAndSteps(t *testing.T) {
	m := bare(t)
	log := new(stepLog)
	m.Observe(log)
	got := died(m, func() {
		outer := m.Begin(Call{Kind: CallMap, From: 1, To: 2})
		inner := m.Begin(Call{Kind: CallRange})
		m.Store(0xa000, 4, 1)
		m.End(inner)
		m.Store(0xa000, 4, 2)
		m.End(outer)
		m.Store(0xa000, 4, 3)
		m.Begin(Call{Kind: CallZap})
		m.Bug("x", OK)
	})
	m.Run(func() { m.Store(0xa000, 4, 4) })
	var calls []CallKind
	for _, s := range log.steps {
		calls = append(calls, s.Call.Kind)
	}
	want := []CallKind{CallMap, CallRange, CallRange, CallRange, CallMap, CallMap, CallNone, CallZap, CallNone}
	if got != "bug x BUG" || !slices.Equal(calls, want) {
		t.Errorf("%s, calls %v; want %v", got, calls, want)
	}
}

// TestObserverStopsMachine checks that an observer can end the kernel.
func TestObserverStopsMachine(t *testing.T) {
	m := bare(t)
	m.Observe(stopper{})
	if c := m.Run(func() { m.Store(0xa000, 4, 1); t.Error("went on") }); c == nil || c.Kind != CrashStopped || c.Where != "rule" {
		t.Errorf("died of %v", c)
	}
}

type stopper struct{}

func (stopper) Step(m *Machine, _ *Step) { m.Die(Crash{Kind: CrashStopped, Where: "rule"}) }

// TestStickyTLB checks the stalest TLB there can be: what has been used stays
// in use until it is flushed; a store asks again if what is cached is read-only.
func TestStickyTLB(t *testing.T) {
	use := func(m *Machine) { m.Load(0xa000, 4) }
	write := func(m *Machine) { m.Store(0xa000, 4, 1) }
	gone := func(m *Machine) { m.leaf(2, 0) }
	for _, x := range []struct {
		name  string
		first func(m *Machine)
		then  []func(m *Machine)
		last  func(m *Machine)
		want  string
	}{
		{"unmapped after a load", use, []func(*Machine){gone}, use, "alive"},
		{"stored to after a load", use, []func(*Machine){gone}, write, "alive"},
		{"read-only after a store", write, []func(*Machine){func(m *Machine) { m.leaf(2, 0x2001) }}, write, "alive"},
		{"unmapped without use", func(*Machine) {}, []func(*Machine){gone}, use, "fault read 0000a000"},
		{"INVLPG", use, []func(*Machine){gone, func(m *Machine) { m.FlushPage(0xa123) }}, use, "fault read 0000a000"},
		{"INVLPG of another page", use, []func(*Machine){gone, func(m *Machine) { m.FlushPage(0xb000) }}, use, "alive"},
		{"flush", use, []func(*Machine){gone, (*Machine).FlushTLB}, use, "fault read 0000a000"},
		{"CR3 load", use, []func(*Machine){gone, func(m *Machine) { m.LoadCR3(0) }}, use, "fault read 0000a000"},
		{"CR4 change", use, []func(*Machine){gone, func(m *Machine) { m.SetCR4(CR4PSE) }}, use, "fault read 0000a000"},
		{"CR4 as it was", use, []func(*Machine){gone, func(m *Machine) { m.SetCR4(0) }}, use, "alive"},
		{"elsewhere after a load", use, []func(*Machine){func(m *Machine) { m.leaf(2, 0x3003) }}, write, "alive"},
		{"elsewhere, flushed", use, []func(*Machine){func(m *Machine) { m.leaf(2, 0x3003) }, (*Machine).FlushTLB}, write, "misaccess write 0000a000 reaches pa 000003000"},
	} {
		for _, sticky := range []bool{true, false} {
			m := bare(t)
			m.TLB.Sticky = sticky
			got := died(m, func() {
				x.first(m)
				for _, f := range x.then {
					f(m)
				}
				x.last(m)
			})
			if sticky && got != x.want {
				t.Errorf("%s: %s, want %s", x.name, got, x.want)
			}
			if !sticky && got == "alive" {
				t.Errorf("%s: alive without cached translations", x.name)
			}
		}
	}
}

// TestStickyTLBReadOnly checks that a cached read-only translation does not deny
// a store: the processor walks again, finds the page writable, and keeps that.
func TestStickyTLBReadOnly(t *testing.T) {
	m := bare(t)
	m.TLB.Sticky = true
	m.leaf(2, 0x2001)
	cached := func() []Cached { return slices.Collect(m.TLB.Each) }
	if got := died(m, func() { m.Load(0xa000, 4) }); got != "alive" || !slices.Equal(cached(), []Cached{{0xa000, 2, false}}) {
		t.Fatalf("%s, cached %+v", got, cached())
	}
	if got := died(m, func() { m.Store(0xa000, 4, 9) }); got != "fault write 0000a000" {
		t.Errorf("store to a read-only page: %s", got)
	}
	m.leaf(2, 0x2003)
	if got := died(m, func() { m.Store(0xa000, 4, 9) }); got != "alive" || m.Load(0xa000, 4) != 9 || !slices.Equal(cached(), []Cached{{0xa000, 2, true}}) {
		t.Errorf("store after the page became writable: %s, cached %+v", got, cached())
	}
}

// TestGlobalTranslations checks that global translations survive a CR3 load
// while CR4.PGE is on, but no full flush.
func TestGlobalTranslations(t *testing.T) {
	for _, x := range []struct {
		pge   bool
		flush func(m *Machine)
		kept  int
	}{
		{true, func(m *Machine) { m.LoadCR3(0) }, 1},
		{false, func(m *Machine) { m.LoadCR3(0) }, 0},
		{true, (*Machine).FlushTLB, 0},
		{true, func(m *Machine) { m.SetCR4(CR4PSE) }, 0},
		{true, func(m *Machine) { m.FlushPage(0xa000) }, 1}, // of the two
	} {
		m := bare(t)
		m.TLB.Sticky = true
		if x.pge {
			m.CPU.CR4 = CR4PGE
		}
		m.leaf(2, 0x2103)
		m.leaf(3, 0x3003)
		m.Run(func() { m.Load(0xa000, 4); m.Load(0xb000, 4); x.flush(m) })
		if got := len(slices.Collect(m.TLB.Each)); got != x.kept {
			t.Errorf("PGE %t: %d of 2 translations kept, want %d", x.pge, got, x.kept)
		}
	}
}

// TestTLBIsOrdered checks that the order of use does not matter to the state.
func TestTLBIsOrdered(t *testing.T) {
	pack := func(order ...VA) string {
		m := bare(t)
		m.TLB.Sticky = true
		m.Run(func() {
			for _, va := range order {
				m.Load(va, 4)
			}
		})
		return string(m.AppendPacked(nil))
	}
	want := pack(0x8000, 0x9000, 0xa000, 0xb000)
	for _, order := range [][]VA{{0xb000, 0xa000, 0x9000, 0x8000}, {0x9000, 0xb000, 0x8000, 0xa000, 0x9000}} {
		if pack(order...) != want {
			t.Errorf("order of use %#x shows in the state", order)
		}
	}
	if pack(0x8000, 0x9000, 0xa000) == want {
		t.Error("a translation less does not show")
	}
}

// paravirtual is a guest on tiny tables: 12 frames of data from frame 0, tables
// above, all mapped at 0 upwards, which is also the direct map.
func paravirtual(t *testing.T, width int) (*Machine, *stepLog) {
	t.Helper()
	g, err := NewGeometry("tiny", width, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	s := bootGuest(t, g, Xen31(), 16)
	s.L.Kernel.MaxLowPFN = 16
	log := new(stepLog)
	return NewMachine(s, log), log
}

// TestEmulatedStores checks plain stores to read-only pages under a hypervisor:
// carried out for leaf tables in use, refused with a fault otherwise.
func TestEmulatedStores(t *testing.T) {
	const l1, root, data = 14, 15, 3 // bootGuest takes frames from the top: root, then the L1 of frames 0 to 3
	for _, x := range []struct {
		name string
		va   VA
		prep func(m *Machine)
		v    Entry
		want string
	}{
		{"good entry", l1<<12 + 8, nil, MakeEntry(5, Present|RW), "alive"},
		{"empty entry", l1<<12 + 8, nil, 0, "alive"},
		{"writable mapping of a table", l1<<12 + 8, nil, MakeEntry(root, Present|RW), "fault pte-write-rejected pa 0000e008 (-EINVAL)"},
		{"foreign frame", l1<<12 + 8, nil, MakeEntry(99, Present), "fault pte-write-rejected pa 0000e008 (-EINVAL)"},
		{"upper table", root<<12 + 8, nil, MakeEntry(l1, Present), "fault write 0000f000"},
		{"read-only data", data << 12, func(m *Machine) { m.UpdateVAMapping(data<<12, MakeEntry(data, Present), UVMFNone) }, 1, "fault write 00003000"},
		{"behind the entries", l1<<12 + 32, nil, 1, "fault write 0000f000"}, // the next page is the root
	} {
		m, log := paravirtual(t, 8)
		if x.prep != nil {
			x.prep(m)
			log.steps = nil
		}
		before := m.image()
		if got := died(m, func() { m.Store(x.va, 8, uint64(x.v)) }); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
			continue
		}
		if x.want != "alive" {
			if len(log.steps) != 0 || m.image() != before {
				t.Errorf("%s: refused, but steps %+v", x.name, log.steps)
			}
			continue
		}
		if got := m.Entry(m.L.Geo, l1, 1); got != x.v || len(log.steps) != 1 || log.steps[0].Op != OpEmulate || log.steps[0].Frame != l1 || log.steps[0].Off != 8 {
			t.Errorf("%s: entry %#x, steps %+v", x.name, got, log.steps)
		}
	}
}

// TestEmulatedHalves checks the two stores of a PAE entry: the upper half alone
// never fails, an entry that it would spoil loses its present bit, and the lower
// half puts the whole to the test.
func TestEmulatedHalves(t *testing.T) {
	m, _ := paravirtual(t, 8)
	const entry = 14<<12 + 8 // maps frame 1
	if got := died(m, func() { m.Store(entry+4, 4, 1) }); got != "alive" || m.Entry(m.L.Geo, 14, 1) != 1<<32|0x1022 {
		t.Errorf("upper half of a frame outside: %s, entry %#x", got, m.Entry(m.L.Geo, 14, 1))
	}
	if got := died(m, func() { m.Store(entry, 4, 0x1003) }); got != "fault pte-write-rejected pa 0000e008 (-EINVAL)" {
		t.Errorf("lower half: %s", got)
	}
	if got := died(m, func() { m.Store(entry+4, 4, 0); m.Store(entry, 4, 0x1063) }); got != "alive" || m.Entry(m.L.Geo, 14, 1) != 0x1063 {
		t.Errorf("both halves of a good entry: %s, entry %#x", got, m.Entry(m.L.Geo, 14, 1))
	}
	if i := m.Info(1); i.T != 1 || i.G != 2 {
		t.Errorf("its frame is %+v, want one writable mapping", i)
	}
}

// TestRefusedHypercallsAreSteps checks that a refusal is shown with its answer
// and changes nothing.
func TestRefusedHypercallsAreSteps(t *testing.T) {
	m, log := paravirtual(t, 8)
	before := m.image()
	for _, x := range []struct {
		op   Op
		call func() Errno
	}{
		{OpMMUUpdate, func() Errno { return m.MMUUpdate(14<<12, MakeEntry(15, Present|RW)) }},
		{OpUpdateVA, func() Errno { return m.UpdateVAMapping(0, MakeEntry(15, Present|RW), UVMFFlush) }},
		{OpPin, func() Errno { return m.Pin(2, 3) }},
		{OpUnpin, func() Errno { return m.Unpin(3) }},
		{OpNewBaseptr, func() Errno { return m.NewBaseptr(3) }},
		{OpSetGDT, func() Errno { return m.SetGDT(14) }},
	} {
		log.steps = nil
		rc := x.call()
		if rc == OK || len(log.steps) != 1 || log.steps[0].Op != x.op || log.steps[0].Errno != rc {
			t.Errorf("%v answers %v, steps %+v", x.op, rc, log.steps)
		}
		if m.image() != before {
			t.Errorf("refused %v changed the state", x.op)
		}
	}
}
