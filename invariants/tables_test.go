package invariants

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

func store(f model.Frame, off int) model.Step {
	return model.Step{Op: model.OpStore, Frame: f, Off: off, Width: 4}
}

func TestPointerFlags(t *testing.T) {
	kernel := func(change func(k *model.KernelMap)) func(*scene) {
		return func(x *scene) { change(&x.L.Kernel); x.CPU.CR4 |= model.CR4PSE }
	}
	pse := kernel(func(k *model.KernelMap) { k.HasPSE = true })
	st := store(root, 16)
	trySteps(t, "pointer-flags", []stepCase{
		{"new pointer", false, nil, set(root, 4, entry(empty, upper)), st, "held"},
		{"new pointer without user bit", false, nil, set(root, 4, entry(empty, model.Present|model.RW)), st, "held"},
		{"new pointer in a guest", true, nil, set(root, 4, entry(empty, upper)), model.Step{Op: model.OpMMUUpdate}, "held"},
		{"read-only", false, nil, set(root, 4, entry(empty, upper&^model.RW)), st, "broken"},
		{"read-only in a guest", true, nil, set(root, 4, entry(empty, upper&^model.RW)), model.Step{Op: model.OpMMUUpdate}, "broken"},
		{"global", false, nil, set(root, 4, entry(empty, upper|model.Global)), st, "broken"},
		{"not cached", false, nil, set(root, 4, entry(empty, upper|model.PCD)), st, "broken"},
		{"page size bit while the CPU ignores it", false, nil, set(root, 4, entry(empty, upper|model.PSE)), st, "broken"},
		{"large page", false, pse, set(root, 9, entry(4, final|model.PSE)), st, "silent"},
		{"large page that the kernel must not use", false, kernel(func(*model.KernelMap) {}), set(root, 9, entry(4, final|model.PSE)), st, "broken"},
		{"large page in a guest", true, pse, set(root, 9, entry(4, final|model.PSE)), st, "broken"},
		{"large page not aligned", false, pse, set(root, 9, entry(6, final|model.PSE)), st, "broken"},
		{"pointer cleared", false, nil, set(root, 9, 0), st, "silent"},
		{"leaf", false, nil, set(3, 1, entry(9, final)), st, "silent"},
		{"global leaf without PGE, which is ignored", false, nil, set(3, 1, entry(9, final|model.Global)), st, "silent"},
		{"global leaf", false, kernel(func(k *model.KernelMap) { k.HasPGE = true }), set(3, 1, entry(9, final|model.Global)), st, "silent"},
		{"table with a global leaf is linked", false, set(empty, 0, entry(9, final|model.Global)), set(root, 4, entry(empty, upper)), st, "held"},
		{"read-only over low memory", false, nil, set(root, 9, entry(empty, upper&^model.RW)), st, "broken"},
		{"read-only over the kernel's other addresses", false, nil, set(root, 14, entry(empty, upper&^model.RW)), st, "held"},
		{"the same in a guest", true, nil, set(root, 14, entry(empty, upper&^model.RW)), model.Step{Op: model.OpMMUUpdate}, "held"},
		{"page that is no table", false, nil, set(data, 4, entry(empty, model.Present)), st, "silent"},
	})
}

func TestPointerFlagsPAE(t *testing.T) {
	for _, c := range []struct {
		name string
		nxe  bool
		f    model.Frame
		slot int
		e    model.Entry
		want string
	}{
		{"root entry", true, 0, 0, entry(1, model.Present), "held"},
		{"root entry with a software bit", true, 0, 0, entry(1, model.Present|1<<9), "held"},
		{"root entry with RW", true, 0, 0, entry(1, model.Present|model.RW), "broken"},
		{"root entry with A", true, 0, 0, entry(1, model.Present|model.Accessed), "broken"},
		{"root entry with PCD", true, 0, 0, entry(1, model.Present|model.PCD), "broken"},
		{"pointer", true, 1, 3, entry(9, upper), "held"},
		{"pointer with NX", true, 1, 3, entry(9, upper|model.NX), "held"},
		{"pointer with NX while it is off", false, 1, 3, entry(9, upper|model.NX), "broken"},
		{"pointer with NX over text", true, 1, 0, entry(9, upper|model.NX), "broken"},
		{"pointer with NX over data", true, 1, 1, entry(9, upper|model.NX), "held"},
		{"pointer with a reserved bit", true, 1, 3, entry(9, upper|1<<54), "broken"},
		{"leaf with NX", true, 2, 1, entry(1, final|model.NX), "silent"},
		{"leaf with NX while it is off", false, 2, 1, entry(1, final|model.NX), "broken"},
		{"absent leaf with NX while it is off", false, 2, 1, model.NX, "silent"},
	} {
		var x scene
		x.wide(t, "pointer-flags", c.nxe)
		x.set(c.f, c.slot, c.e)
		if got := x.take(store(c.f, c.slot*8)); got != c.want {
			t.Errorf("%s: %s, want %s; %+v", c.name, got, c.want, x.c.Detail)
		}
	}
}

func TestHypervisorSlots(t *testing.T) {
	prep := func(more ...func(*scene)) func(*scene) {
		return func(x *scene) {
			x.L.Kernel.MaxLowPFN, x.L.Kernel.PTBase = 12, second
			x.L.Hyper.XenLevel, x.L.Hyper.XenFirst, x.L.Hyper.XenLast = 2, 14, 15
			x.set(root, 11, 0)
			for _, f := range []model.Frame{root, second} {
				x.set(f, 14, entry(13, model.Present))
			}
			for _, m := range more {
				m(x)
			}
		}
	}
	mmu := func(f model.Frame, slot int, rc model.Errno) model.Step {
		return model.Step{Op: model.OpMMUUpdate, Frame: f, Off: 4 * slot, Errno: rc}
	}
	load := func(x *scene) { x.CPU.CR3 = second }
	trySteps(t, "hypervisor-slots", []stepCase{
		{"own slot", true, prep(), set(root, 4, entry(empty, upper)), mmu(root, 4, model.OK), "held"},
		{"refused own slot", true, prep(), nil, mmu(root, 4, model.EINVAL), "held"},
		{"refused request", true, prep(), nil, mmu(root, 15, model.EPERM), "broken"},
		{"granted request", true, prep(), set(root, 15, entry(empty, upper)), mmu(root, 15, model.OK), "broken"},
		{"leaf table", true, prep(), nil, mmu(firstL1, 3, model.OK), "silent"},
		{"page in no use", true, prep(), nil, mmu(data, 15, model.OK), "silent"},
		{"stored into an empty slot", true, prep(), set(root, 15, 0x9000), store(root, 60), "broken"},
		{"stored over", true, prep(), set(root, 14, 0x9000), store(root, 56), "broken"},
		{"own slot stored", true, prep(), set(root, 4, 0x9000), store(root, 16), "silent"},
		{"address of an own page", true, prep(), nil, model.Step{Op: model.OpUpdateVA, VA: 0x20000}, "silent"},
		{"address in the slots", true, prep(), nil, model.Step{Op: model.OpUpdateVA, VA: 0x38000, Errno: model.EINVAL}, "broken"},
		{"root with the builder's slots", true, prep(), load, model.Step{Op: model.OpNewBaseptr}, "held"},
		{"root with empty slots", true, prep(func(x *scene) { x.L.Kernel.PTBase = root; x.set(second, 14, 0) }), load, model.Step{Op: model.OpNewBaseptr}, "held"},
		{"root with other slots", true, prep(func(x *scene) { x.L.Kernel.PTBase = root; x.set(second, 15, entry(9, 1)) }), load, model.Step{Op: model.OpNewBaseptr}, "broken"},
		{"such a root pinned", true, prep(func(x *scene) { x.L.Kernel.PTBase = root; x.set(second, 15, entry(9, 1)) }), nil, model.Step{Op: model.OpPin, Level: 2, Frame: second}, "broken"},
		{"good root pinned", true, prep(), nil, model.Step{Op: model.OpPin, Level: 2, Frame: second}, "held"},
	})
}

func TestDirectMapTrue(t *testing.T) {
	st, end := store(3, 4), model.Step{Op: model.OpCallEnd}
	shared := func(kind model.ExtraKind) func(*scene) {
		return func(x *scene) {
			m, err := model.NewPhysMap([]model.MFN{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, []model.MFN{16})
			if err != nil {
				panic(err)
			}
			x.L.Map, x.L.Hyper.Extra = m, []model.Extra{{Name: "h", Kind: kind}}
			*x.State = *model.NewState(x.L)
			x.CPU.CR3 = root
			x.set(root, 12, entry(empty, upper))
		}
	}
	trySteps(t, "direct-map-true", []stepCase{
		{"own frame", false, nil, set(3, 1, entry(9, final&^model.Dirty)), st, "held"},
		{"own frame in a guest", true, nil, set(3, 1, entry(9, final&^model.Dirty)), st, "held"},
		{"other frame", false, nil, set(3, 1, entry(10, final)), st, "broken"},
		{"other frame in a guest", true, nil, set(3, 1, entry(10, final)), model.Step{Op: model.OpUpdateVA}, "broken"},
		{"leaf cleared", false, nil, set(3, 1, 0), st, "silent"},
		{"frame that nobody has", false, nil, set(3, 1, entry(99, final)), st, "broken"},
		{"the same above the direct map", false, set(root, 12, entry(empty, upper)), set(empty, 1, entry(99, final)), store(empty, 4), "broken"},
		{"any own frame above the direct map", false, set(root, 12, entry(empty, upper)), set(empty, 1, entry(3, final)), store(empty, 4), "silent"},
		{"table that nobody has", false, nil, set(root, 12, entry(99, upper)), store(root, 48), "broken"},
		{"table with such a leaf", false, set(empty, 1, entry(99, final)), set(root, 12, entry(empty, upper)), store(root, 48), "broken"},
		{"in a page that is no table", false, nil, set(data, 1, entry(99, final)), store(data, 4), "silent"},
		{"shared_info", true, shared(model.SharedInfo), set(empty, 1, entry(16, final)), store(empty, 4), "silent"},
		{"the hypervisor's own page", true, shared(model.XenOwned), set(empty, 1, entry(16, final)), store(empty, 4), "broken"},
		{"a call ends", false, nil, nil, end, "silent"},
		{"a call ends with a wrong leaf", false, set(3, 1, entry(10, final)), nil, end, "broken"},
		{"a call ends with a page less", false, set(3, 1, 0), nil, end, "silent"},
		{"wrong under the kernel's root alone", false, func(x *scene) {
			for i := range 4 {
				x.set(empty, i, entry(model.Frame(7+i), final))
			}
			x.set(root, 10, entry(empty, upper))
			x.CPU.CR3, x.State.Kernel.Phase = second, model.PhaseDone
		}, nil, end, "broken"},
	})
}

// TestHeadsOwnTables links a table anew that names memory which does not exist:
// head.S leaves such entries, a builder does not.
func TestHeadsOwnTables(t *testing.T) {
	for _, guest := range []bool{false, true} {
		want := map[bool]string{false: "silent", true: "broken"}[guest]
		trySequences(t, "direct-map-true", []sequence{{"relinked", guest, set(4, 3, entry(99, final)), []stepped{
			{set(root, 11, 0), store(root, 44), "silent"},
			{set(root, 12, entry(4, upper)), store(root, 48), want},
		}}})
	}
}

func TestNoTornEntry(t *testing.T) {
	type write struct {
		upper bool
		v     uint64
		want  string
	}
	for _, c := range []struct {
		name   string
		old    model.Entry
		writes []write
		end    string // of the call
	}{
		{"upper half first", 0, []write{{true, 1 << 31, "silent"}, {false, 0x5063, "held"}}, "silent"},
		{"lower half first", 0, []write{{false, 0x5063, "silent"}, {true, 1 << 31, "silent"}}, "broken"},
		{"lower half first, upper one as it was", 0, []write{{false, 0x5063, "silent"}, {true, 0, "silent"}}, "broken"},
		{"lower half alone, then a whole entry", 0, []write{{false, 0x5063, "silent"}, {true, 1 << 31, "silent"}, {false, 0x5063, "held"}}, "silent"},
		{"lower half alone, then half an entry that names neither frame", 0, []write{{false, 0x5063, "silent"}, {true, 2, "silent"}, {false, 0x6063, "broken"}}, "silent"},
		{"written twice", 0, []write{{true, 1, "silent"}, {false, 0x5063, "held"}, {true, 1, "silent"}, {false, 0x5063, "held"}}, "silent"},
		{"lower half alone", 0x1_0000_4000, []write{{false, 0x5063, "silent"}}, "silent"},
		{"cleared, low half first", 0x1_0000_5063, []write{{false, 0, "silent"}, {true, 0, "held"}}, "silent"},
		{"cleared, high half first", 0x1_0000_5063, []write{{true, 0, "silent"}, {false, 0, "broken"}}, "silent"},
		{"cleared, below 4 GiB", 0x5063, []write{{true, 0, "silent"}, {false, 0, "held"}}, "silent"},
		{"flags of a present entry", 0x1_0000_5063, []write{{true, 1<<31 | 1, "silent"}, {false, 0x5061, "held"}}, "silent"},
		{"one half of a present entry's frame", 0x1_0000_5063, []write{{true, 2, "silent"}, {false, 0x5063, "held"}}, "silent"},
		{"both halves of a present entry's frame", 0x1_0000_5063, []write{{true, 2, "silent"}, {false, 0x6063, "broken"}}, "silent"},
		{"cleared in between", 0x1_0000_5063, []write{{false, 0, "silent"}, {true, 2, "held"}, {false, 0x6063, "silent"}}, "silent"},
	} {
		for _, live := range []bool{true, false} {
			var x scene
			x.wide(t, "no-torn-entry", true)
			table := model.Frame(4)
			if !live {
				table = 10
			}
			x.set(table, 1, c.old)
			x.Commit()
			x.c.Begin(x.State)
			for i, w := range c.writes {
				st := store(table, 8)
				e := uint64(x.Entry(x.L.Geo, table, 1))
				if w.upper {
					st.Off += 4
					e = e&0xffff_ffff | w.v<<32
				} else {
					e = e&^0xffff_ffff | w.v
				}
				x.set(table, 1, model.Entry(e))
				want := w.want
				if !live {
					want = "silent"
				}
				if got := x.take(st); got != want {
					t.Errorf("%s, live %t, store %d: %s, want %s", c.name, live, i, got, want)
				}
			}
			if got := x.take(model.Step{Op: model.OpCallEnd}); got != c.end && live || got != "silent" && !live {
				t.Errorf("%s, live %t: the call's end is %s, want %s", c.name, live, got, c.end)
			}
		}
	}
}
