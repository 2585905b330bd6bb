package model

import "testing"

// shapeTest is a machine of two levels with two blocks of low memory, frames 0 to 7; its root is
// frame 8, and the boot's tables are 9 and 10.
type shapeTest struct {
	*State
	start Shape
}

const shapeRoot, shapeFlags = 8, Present | RW

func newShapeTest(t *testing.T) *shapeTest {
	t.Helper()
	g, err := NewGeometry("tiny-2", 4, 8, 4)
	if err != nil {
		t.Fatal(err)
	}
	half := VA(1) << (g.VABits() - 1)
	l := &Layout{Geo: g, Map: IdentityMap(16), Kernel: KernelMap{PageOffset: half, MaxLowPFN: 8, Root: shapeRoot}}
	x := &shapeTest{State: NewState(l)}
	x.CPU.CR3, x.Kernel.InitMM = shapeRoot, shapeRoot
	for block := range 2 {
		x.link(block, 9+Frame(block))
		x.link(4+block, 9+Frame(block))
		for slot := range 4 {
			x.SetEntry(g, 9+Frame(block), slot, MakeEntry(MFN(4*block+slot), shapeFlags))
		}
	}
	if !x.start.Of(x.State, nil) {
		t.Fatal("the start of the day has no shape")
	}
	x.Kernel.Phase = PhaseStarted
	return x
}

// link has a slot of the root name a table.
func (x *shapeTest) link(slot int, table Frame) {
	x.SetEntry(x.L.Geo, shapeRoot, slot, MakeEntry(MFN(table), shapeFlags))
}

// TestBlocks wants blocks to be the same only where a leaf can move from one to the other and comes
// to the same there.
func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(x *shapeTest)
		same   bool
	}{
		{"as they were", func(*shapeTest) {}, true},
		{"both with new tables", func(x *shapeTest) { x.link(4, 11); x.link(5, 12) }, true},
		{"one with a new table", func(x *shapeTest) { x.link(5, 12) }, false},
		{"new tables in the direct map, and in both mappings", func(x *shapeTest) { x.link(4, 11); x.link(1, 12); x.link(5, 12) }, false},
		{"one without a table", func(x *shapeTest) { x.link(5, 0); x.SetEntry(x.L.Geo, shapeRoot, 5, 0) }, false},
		{"one without a low mapping", func(x *shapeTest) { x.SetEntry(x.L.Geo, shapeRoot, 1, 0) }, false},
		{"one read-only", func(x *shapeTest) { x.SetEntry(x.L.Geo, shapeRoot, 5, MakeEntry(10, Present)) }, false},
		{"a TLB that keeps", func(x *shapeTest) { x.TLB.Sticky = true }, false},
	} {
		x, h := newShapeTest(t), Shape{}
		c.change(x)
		if !h.Of(x.State, &x.start) {
			t.Errorf("%s: no shape", c.name)
		} else if same := h.Block(0) == h.Block(4); same != c.same || h.Block(0) != h.Block(3) {
			t.Errorf("%s: the same: %v", c.name, same)
		}
	}
}

// TestNoShape wants no shape where a table serves two purposes.
func TestNoShape(t *testing.T) {
	for name, change := range map[string]func(x *shapeTest){
		"one table for two blocks": func(x *shapeTest) { x.link(5, 9) },
		"one table behind memory":  func(x *shapeTest) { x.link(7, 10) },
		"one below the kernel":     func(x *shapeTest) { x.link(3, 10) },
		"a table of the start":     func(x *shapeTest) { x.link(1, 11); x.link(5, 11); x.link(6, 10) },
	} {
		x, h := newShapeTest(t), Shape{}
		change(x)
		if h.Of(x.State, &x.start) {
			t.Errorf("%s: it has a shape", name)
		}
	}
	x, h := newShapeTest(t), Shape{}
	x.Kernel.Phase = PhaseBoot
	x.link(4, 11)
	if h.Of(x.State, nil) {
		t.Error("a start of the day with two tables for a block has a shape")
	}
}

// TestOverlaid wants no shape while the boot's directory names a frame in what the kernel's root, on
// top of it, reads as half an entry: it could not be renamed there.
func TestOverlaid(t *testing.T) {
	boot, err := NewGeometry("tiny-2", 4, 8, 4)
	if err != nil {
		t.Fatal(err)
	}
	geo, err := NewGeometry("tiny-3", 8, 2, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	half := VA(1) << (geo.VABits() - 1)
	l := &Layout{Geo: geo, Boot: boot, Map: IdentityMap(16), Kernel: KernelMap{PageOffset: half, MaxLowPFN: 8, Root: shapeRoot}}
	for _, c := range []struct {
		slot int
		e    Entry
		ok   bool
	}{
		{4, MakeEntry(9, shapeFlags), true}, {5, MakeEntry(10, shapeFlags), true}, // the boot's own
		{6, MakeEntry(11, shapeFlags), true}, // a whole entry of the kernel's
		{7, MakeEntry(11, shapeFlags), false}, {5, MakeEntry(11, shapeFlags), false},
		{7, MakeEntry(11, RW), true}, // it is not present
	} {
		s := NewState(l)
		s.CPU.CR3, s.Kernel.InitMM = shapeRoot, shapeRoot
		for block := range 2 {
			s.SetEntry(boot, shapeRoot, 4+block, MakeEntry(9+MFN(block), shapeFlags))
		}
		var start, h Shape
		if !start.Of(s, nil) {
			t.Fatal("the start of the day has no shape")
		}
		s.Kernel.Phase = PhaseStarted
		s.SetEntry(boot, shapeRoot, c.slot, c.e)
		if ok := h.Of(s, &start); ok != c.ok {
			t.Errorf("slot %d, %v: a shape: %v", c.slot, c.e, ok)
		}
	}
}

// TestRenameAbsent wants an entry that is not present to go on naming its frame: a hook may give the
// bit back.
func TestRenameAbsent(t *testing.T) {
	x, h := newShapeTest(t), Shape{}
	x.SetEntry(x.L.Geo, 9, 2, MakeEntry(2, RW))
	h.Of(x.State, &x.start)
	o, to := NewState(x.L), make([]Frame, 16)
	for f := range to {
		to[f] = Frame(f)
	}
	to[2], to[5] = 5, 2
	o.Rename(x.State, to, &h)
	if a, b := o.Entry(x.L.Geo, 9, 2), o.Entry(x.L.Geo, 10, 1); a != MakeEntry(2, shapeFlags) || b != MakeEntry(5, RW) {
		t.Errorf("%v, %v", a, b)
	}
}
