package invariants

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

// The scene of a later kernel: frames 0 to 13 of the scene are RAM, 14 and 15 a
// hole that is not mapped. The boot allocator holds frames 10 to 13; frame 9 is
// data. Fixmap index 2 and 3 are kmap_atomic's first table (frame 7, slot 15), 4
// and 5 the second (frame 6, slot 14). Index 6 is a slot of early_ioremap.
func earlyScene(x *scene) {
	l := x.L
	l.Early = &model.EarlyMap{
		RAM: []model.FrameRange{{From: 0, To: 14}}, DirectEnd: offset + 24<<model.PageShift,
		Kmap: 2, Kmaps: 4, Window: 6, Windows: 1,
	}
	l.Kernel.FixTop = offset + 32<<model.PageShift
	l.Kernel.FixTop -= 1 << model.PageShift
	l.Kernel.Spare = 8
	l.Kernel.BootmemFirst, x.Kernel.BootmemNext = 6, 8
	x.Kernel.InitMM = root
	b := &x.Kernel.Buffer
	b.Reserved, b.Data, b.Mapped = model.LowFrames(1<<10-1), model.LowFrames(1<<data), 1
	x.Kernel.Phase = model.PhaseStarted
	for _, f := range []model.Frame{14, 15} {
		x.set(firstL1+3, int(f)%4, 0)
	}
	x.set(root, 15, entry(7, upper))
	x.set(root, 14, entry(6, upper))
	if l.Hyper != nil {
		for _, f := range []model.Frame{6, 7} {
			x.set(firstL1+1, int(f)%4, entry(f, final&^model.RW))
		}
	}
	x.Commit()
}

// earlyRule tries a rule in that scene.
func earlyRule(t *testing.T, rule string, cases []ruleCase) {
	t.Helper()
	for i := range cases {
		prep := cases[i].prep
		cases[i].prep = func(x *scene) {
			earlyScene(x)
			if prep != nil {
				prep(x)
			}
		}
	}
	tryRule(t, rule, cases)
}

// leafOf sets the leaf of a frame of the direct map.
func leafOf(f model.Frame, e model.Entry) func(*scene) {
	return func(x *scene) { x.set(firstL1+f/4, int(f)%4, e) }
}

func TestFutureTables(t *testing.T) {
	open := func(x *scene) {
		b := &x.Kernel.Buffer
		b.Start, b.End, b.Top, b.Flags = 10, 11, 13, model.BufferOpen
	}
	second := func(f model.Frame, flags model.Entry) func(*scene) {
		return func(x *scene) { x.set(6, 0, entry(f, flags)) }
	}
	earlyRule(t, "future-tables-read-only", []ruleCase{
		{"no buffer", true, model.OpEmulate, model.CallMapRange, nil, second(11, final), "silent"},
		{"bare metal", false, model.OpStore, model.CallMapRange, open, second(11, final), "silent"},
		{"a writable frame where the kernel finds it", true, model.OpEmulate, model.CallMapRange, open, nil, "held"},
		{"a flush changes nothing", true, model.OpFlush, model.CallMapRange, open, nil, "silent"},
		{"mapped writable elsewhere, too", true, model.OpEmulate, model.CallMapRange, open, second(11, final), "broken"},
		{"mapped read-only elsewhere", true, model.OpEmulate, model.CallMapRange, open, second(12, final&^model.RW), "held"},
		{"a frame that is used already", true, model.OpEmulate, model.CallMapRange, open, second(10, final), "held"},
		{"a frame behind the buffer", true, model.OpEmulate, model.CallMapRange, open, second(13, final), "held"},
		{"writable only where the kernel does not look", true, model.OpEmulate, model.CallMapRange, open,
			func(x *scene) { leafOf(12, 0)(x); second(12, final)(x) }, "broken"},
	})
}

func TestRAMOnly(t *testing.T) {
	end, call := model.OpCallEnd, model.CallMapRange
	earlyRule(t, "ram-only", []ruleCase{
		{"as it should be", false, end, call, nil, nil, "held"},
		{"a guest", true, end, call, nil, nil, "held"},
		{"in the middle of a call", false, model.OpStore, call, nil, leafOf(14, entry(14, final)), "silent"},
		{"before setup_start", false, end, call, func(x *scene) { x.Kernel.Phase = model.PhaseBoot }, leafOf(14, entry(14, final)), "silent"},
		{"the hole is mapped", false, end, call, nil, leafOf(14, entry(14, final)), "broken"},
		{"a frame that no machine has", false, end, call, nil, leafOf(15, entry(99, final)), "broken"},
		{"a frame at another's place", false, end, call, nil, leafOf(8, entry(9, final)), "broken"},
		{"RAM that is not mapped", false, end, call, nil, leafOf(8, 0), "held"},
		{"memory to come", false, end, call, func(x *scene) { x.L.Early.Extra = model.FrameRange{From: 14, To: 15} }, leafOf(14, entry(14, final)), "broken"},
		{"memory that has come", false, end, call, func(x *scene) {
			x.L.Early.Extra, x.Kernel.Buffer.Flags = model.FrameRange{From: 14, To: 15}, model.Ballooned
		}, leafOf(14, entry(14, final)), "held"},
	})
}

func TestSparesReturned(t *testing.T) {
	end, call := model.OpCallEnd, model.CallReserve
	ro := final &^ model.RW
	earlyRule(t, "spares-returned", []ruleCase{
		{"as it should be", true, end, call, nil, nil, "held"},
		{"bare metal", false, end, call, nil, nil, "held"},
		{"in the middle of a call", true, model.OpEmulate, call, nil, leafOf(11, entry(11, ro)), "silent"},
		{"the buffer is open", true, end, call, func(x *scene) { x.Kernel.Buffer.Flags = model.BufferOpen }, leafOf(11, entry(11, ro)), "silent"},
		{"a free frame is read-only", true, end, call, nil, leafOf(11, entry(11, ro)), "broken"},
		{"a free frame is not mapped", true, end, call, nil, leafOf(11, 0), "held"},
		{"data is read-only", true, end, call, nil, leafOf(data, entry(data, ro)), "broken"},
		{"data is not mapped", true, end, call, nil, leafOf(data, 0), "broken"},
		{"a reserved page that is neither", true, end, call, nil, leafOf(8, entry(8, ro)), "held"},
		{"a free frame is a table", false, end, call, nil, func(x *scene) { x.set(root, 13, entry(11, upper)) }, "broken"},
		{"data is a table", false, end, call, nil, func(x *scene) { x.set(root, 13, entry(data, upper)) }, "broken"},
		{"a static table is replaced and stays read-only", true, end, call, nil, func(x *scene) { x.set(root, 14, entry(5, upper)) }, "broken"},
		{"a static table is replaced and writable again", true, end, call, nil, func(x *scene) {
			x.set(root, 14, entry(5, upper))
			leafOf(6, entry(6, final))(x)
		}, "held"},
		{"a table of the buffer is gone and stays read-only", true, end, call, func(x *scene) { x.Kernel.Buffer.Tables = model.LowFrames(1 << 8) }, leafOf(8, entry(8, ro)), "broken"},
	})
}

func TestFixmapContiguous(t *testing.T) {
	end := model.OpCallEnd
	earlyRule(t, "fixmap-contiguous", []ruleCase{
		{"in a row", false, end, model.CallKmapInit, nil, nil, "held"},
		{"another call", false, end, model.CallReserve, nil, func(x *scene) { x.set(root, 14, entry(5, upper)) }, "silent"},
		{"in the middle", false, model.OpStore, model.CallKmapInit, nil, func(x *scene) { x.set(root, 14, entry(5, upper)) }, "silent"},
		{"not in a row", false, end, model.CallKmapInit, nil, func(x *scene) { x.set(root, 14, entry(5, upper)) }, "broken"},
		{"in the wrong order", false, end, model.CallKmapInit, nil, func(x *scene) { x.set(root, 14, entry(8, upper)) }, "broken"},
		{"a table is missing", false, end, model.CallKmapInit, nil, func(x *scene) { x.set(root, 15, 0) }, "broken"},
		{"without high memory", false, end, model.CallKmapInit, func(x *scene) { x.L.Early.Kmaps = 0 }, func(x *scene) { x.set(root, 15, 0) }, "silent"},
		{"kmap_atomic maps nothing", false, end, model.CallKmap, nil, nil, "broken"},
		{"kmap_atomic maps the frame", false, end, model.CallKmap, nil, func(x *scene) {
			x.set(7, x.L.Geo.Index(x.L.Fix(2), 1), entry(0, final))
		}, "held"},
	})
}

func TestTablesMinimal(t *testing.T) {
	end := model.OpCallEnd
	spare := func(slot int) func(*scene) {
		return func(x *scene) { x.set(root, slot, entry(8, upper)) }
	}
	earlyRule(t, "tables-minimal", []ruleCase{
		{"as it should be", false, end, model.CallMapRange, nil, nil, "held"},
		{"another call", false, end, model.CallReserve, nil, spare(12), "silent"},
		{"a table beyond all memory", false, end, model.CallMapRange, nil, spare(12), "broken"},
		{"a table of the fixmap", false, end, model.CallMapRange, nil, spare(14), "held"},
		{"a table for memory to come", false, end, model.CallTopStep, func(x *scene) { x.L.Early.Extra = model.FrameRange{From: 17, To: 18} }, spare(12), "held"},
		{"a table for the hole", false, end, model.CallTopEnd, func(x *scene) { x.L.Early.RAM[0].To = 12 }, nil, "broken"},
	})
}

func TestSizeThenAttributes(t *testing.T) {
	turn := func(flags model.Entry) func(*scene) {
		return func(x *scene) { x.set(root, 10, entry(8, flags|model.PSE)) }
	}
	pse := func(x *scene) { x.CPU.CR4 |= model.CR4PSE }
	store := model.OpStore
	earlyRule(t, "size-then-attributes", []ruleCase{
		{"no large page", false, store, model.CallMapRange, pse, leafOf(8, entry(8, final|model.Global)), "silent"},
		{"the same attributes", false, store, model.CallMapRange, pse, turn(final), "held"},
		{"global, too", false, store, model.CallMapRange, pse, turn(final | model.Global), "broken"},
		{"read-only, too", false, store, model.CallMapRange, pse, turn(final &^ model.RW), "broken"},
		{"accessed and dirty do not count", false, store, model.CallMapRange, pse, turn(model.Present | model.RW), "held"},
		{"a guest", true, store, model.CallMapRange, pse, turn(final | model.Global), "silent"},
		{"from nothing", false, store, model.CallMapRange, pse, func(x *scene) { x.set(root, 13, entry(8, final|model.PSE|model.Global)) }, "silent"},
	})
}

func TestSlotsKept(t *testing.T) {
	at := func(x *scene) (model.Frame, int) {
		va := x.L.Fix(6)
		f := x.L.Map.Frame(x.Entry(x.L.Geo, root, x.L.Geo.Index(va, 2)).MFN())
		return f, x.L.Geo.Index(va, 1)
	}
	change := func(e model.Entry) func(*scene) {
		return func(x *scene) { f, slot := at(x); x.set(f, slot, e) }
	}
	use := func(x *scene) {
		x.Kernel.Buffer.Windows = 1
		change(entry(8, final))(x)
	}
	earlyRule(t, "slots-kept", []ruleCase{
		{"no slot in use", false, model.OpCallEnd, model.CallReserve, nil, nil, "silent"},
		{"a slot in use", false, model.OpCallEnd, model.CallReserve, use, nil, "held"},
		{"a slot loses its mapping", false, model.OpCallEnd, model.CallReserve, use, change(0), "broken"},
		{"read-only will do", true, model.OpCallEnd, model.CallReserve, use, change(entry(8, final&^model.RW)), "held"},
		{"another frame", false, model.OpCallEnd, model.CallReserve, use, change(entry(9, final)), "broken"},
		{"in the middle of most calls", false, model.OpStore, model.CallMapRange, use, change(0), "silent"},
		{"in the middle of making the fixmap's tables", false, model.OpStore, model.CallKmapInit, use, change(0), "broken"},
	})
}

// TestRuleFor checks which machines the rules are about.
func TestRuleFor(t *testing.T) {
	first := &model.Layout{}
	guest := &model.Layout{Hyper: &model.Hyper{}}
	later := &model.Layout{Early: &model.EarlyMap{}}
	kmaps := &model.Layout{Early: &model.EarlyMap{Kmaps: 1}}
	laterGuest := &model.Layout{Early: &model.EarlyMap{Kmaps: 1}, Hyper: &model.Hyper{}}
	for _, x := range []struct {
		id   string
		want [5]bool
	}{
		{"root-valid", [5]bool{true, true, true, true, true}},
		{"tables-read-only", [5]bool{false, true, false, false, true}},
		{"leaf-rewritten", [5]bool{true, true, false, false, false}},
		{"ram-only", [5]bool{false, false, true, true, true}},
		{"fixmap-contiguous", [5]bool{false, false, false, true, true}},
		{"size-then-attributes", [5]bool{false, false, false, true, false}},
	} {
		r, _ := Find(x.id)
		for i, l := range []*model.Layout{first, guest, later, kmaps, laterGuest} {
			if r.For(l) != x.want[i] {
				t.Errorf("%s: layout %d: %t", x.id, i, r.For(l))
			}
		}
	}
}
