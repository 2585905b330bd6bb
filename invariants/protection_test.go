package invariants

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

// In the early scene the fixmap is mapped by frame 7 (its indexes 0 to 3 in slots 3 to 0)
// and frame 6 (4 to 7); index 6 is a slot of early_ioremap.

func TestPagesProtected(t *testing.T) {
	leaf := func(flags model.Entry) func(*scene) {
		return func(x *scene) { leafOf(9, entry(9, flags))(x) }
	}
	fix := func(flags model.Entry) func(*scene) {
		return func(x *scene) { x.set(7, 0, entry(9, flags)) }
	}
	user := func(x *scene) {
		x.set(root, 0, entry(10, upper))
		x.set(10, 0, entry(9, final|model.User))
	}
	const end = model.OpCallEnd
	earlyRule(t, "pages-protected", []ruleCase{
		{"all as it must be", false, end, model.CallMapRange, nil, nil, "held"},
		{"the same in a guest", true, end, model.CallMapRange, nil, nil, "held"},
		{"not at a store", false, model.OpStore, model.CallMapRange, nil, leaf(final | model.User), "silent"},
		{"before setup_start", false, end, model.CallNone, func(x *scene) { x.Kernel.Phase = model.PhaseBoot }, leaf(final | model.User), "silent"},
		{"user mode may use memory", false, end, model.CallMapRange, nil, leaf(final | model.User), "broken"},
		{"and in a guest", true, end, model.CallMapRange, nil, leaf(final | model.User), "broken"},
		{"user mode may not use the table", false, end, model.CallMapRange, nil, func(x *scene) {
			leaf(final | model.User)(x)
			x.set(root, 10, entry(3, upper&^model.User))
		}, "held"},
		{"memory is not writable", false, end, model.CallMapRange, nil, leaf(final &^ model.RW), "broken"},
		{"which is not judged in a guest", true, end, model.CallMapRange, nil, leaf(final &^ model.RW), "held"},
		{"memory is not cached", false, end, model.CallMapRange, nil, leaf(final | model.PCD), "broken"},
		{"nor by PAT", false, end, model.CallMapRange, nil, leaf(final | model.PSE), "broken"},
		{"a fixmap index for user mode", false, end, model.CallKmap, nil, fix(final | model.User), "broken"},
		{"one that is read-only", false, end, model.CallKmap, nil, fix(final &^ model.RW), "held"},
		{"nothing is known of a kernel without processes below PAGE_OFFSET", false, end, model.CallMapRange, nil, user, "held"},
	})
}

// TestAreas finds the area of addresses of all kinds.
func TestAreas(t *testing.T) {
	x := newScene(t, "pages-protected", false)
	earlyScene(x)
	x.L.Early.Vmemmap, x.L.Early.Vmalloc = offset+20<<model.PageShift, offset+22<<model.PageShift
	x.L.Kernel.TextEnd = offset + model.PageSize
	x.L.Kernel.NrFixed = 8
	for va, want := range map[model.VA]string{
		offset: "the kernel's text", offset + 2<<model.PageShift: "the direct map", offset + 18<<model.PageShift: "the rest of the kernel's part",
		x.L.Early.Vmemmap: "the array of page structs", x.L.Early.Vmalloc: "the vmalloc area", x.L.Fix(7): "the fixmap", x.L.Fix(1): "the fixmap", 0: "",
	} {
		got := ""
		for _, a := range areas() {
			if got == "" && a.has(x.L, 1, va) {
				got = a.name
			}
			if a.source == "" {
				t.Errorf("%s has no source", a.name)
			}
		}
		if got != want {
			t.Errorf("%#x lies in %q, want %q", va, got, want)
		}
	}
}

func TestFreeUnmapped(t *testing.T) {
	alias := func(f model.Frame, flags model.Entry) func(*scene) {
		return func(x *scene) { x.set(6, 0, entry(f, flags)) }
	}
	const end = model.OpCallEnd
	open := func(x *scene) {
		b := &x.Kernel.Buffer
		b.Start, b.Top, b.Flags = 10, 13, model.BufferOpen
	}
	known := func(x *scene) { x.Kernel.Buffer.MaxMapped = 14 }
	earlyRule(t, "free-unmapped", []ruleCase{
		{"memory is free", false, end, model.CallReserve, known, nil, "held"},
		{"a free frame is mapped twice", false, end, model.CallReserve, known, alias(11, final), "broken"},
		{"and in a guest", true, end, model.CallReserve, known, alias(11, final), "broken"},
		{"read-only, which is no better", false, end, model.CallReserve, known, alias(11, final&^model.RW), "broken"},
		{"not present", false, end, model.CallReserve, known, alias(11, 0), "held"},
		{"a frame in use is mapped twice", false, end, model.CallReserve, known, alias(data, final), "held"},
		{"a free frame is a table", false, end, model.CallReserve, known, func(x *scene) { x.set(root, 13, entry(11, upper)) }, "broken"},
		{"what the open buffer holds is not free", false, end, model.CallReserve, func(x *scene) { known(x); open(x) }, alias(11, final), "held"},
		{"nobody has mapped memory for the allocator", false, end, model.CallReserve, nil, alias(11, final), "silent"},
	})
}

func TestMemoryMapped(t *testing.T) {
	const end = model.OpCallEnd
	done := func(x *scene) { x.Kernel.Phase = model.PhaseDone }
	extra := func(flags model.BufferFlags) func(*scene) {
		return func(x *scene) {
			done(x)
			x.L.Early.Extra, x.Kernel.Buffer.Flags = model.FrameRange{From: 14, To: 15}, flags
		}
	}
	earlyRule(t, "memory-mapped", []ruleCase{
		{"all memory is mapped", false, end, model.CallVmap, done, nil, "held"},
		{"a page is not", false, end, model.CallVmap, done, leafOf(12, 0), "broken"},
		{"or another one is there", false, end, model.CallVmap, done, leafOf(12, entry(11, final)), "broken"},
		{"a table is missing", false, end, model.CallVmap, done, func(x *scene) { x.set(root, 10, 0) }, "broken"},
		{"before setup_done", false, end, model.CallVmap, nil, leafOf(12, 0), "silent"},
		{"memory that is to come", false, end, model.CallVmap, extra(0), nil, "held"},
		{"memory that has come", false, end, model.CallVmap, extra(model.Ballooned), nil, "broken"},
		{"shared_info is not mapped", true, end, model.CallVmap, done, nil, "broken"},
	})
}

// TestFixmapAsked begins and ends calls.
func TestFixmapAsked(t *testing.T) {
	const spare = 8
	for _, c := range []struct {
		name  string
		guest bool
		call  model.Call
		slot  [2]int // table and slot that change in the call
		to    model.Frame
		had   bool // the index maps that before
		want  string
	}{
		{"nothing", false, model.Call{Kind: model.CallMemMap}, [2]int{6, 1}, model.NoFrame, false, "silent"},
		{"early_ioremap", false, model.Call{Kind: model.CallEarlyRemap, From: spare}, [2]int{6, 1}, spare, false, "held"},
		{"early_ioremap of another page", false, model.Call{Kind: model.CallEarlyRemap, From: spare}, [2]int{6, 1}, data, false, "broken"},
		{"early_ioremap at another index", false, model.Call{Kind: model.CallEarlyRemap, From: spare}, [2]int{6, 2}, spare, false, "broken"},
		{"early_iounmap", false, model.Call{Kind: model.CallEarlyUnmap}, [2]int{6, 1}, model.NoFrame, true, "held"},
		{"early_iounmap leaves it", false, model.Call{Kind: model.CallEarlyUnmap}, [2]int{6, 1}, spare, true, "broken"},
		{"kmap", false, model.Call{Kind: model.CallKmap, Index: 1, From: spare}, [2]int{7, 0}, spare, false, "held"},
		{"kmap at another index", false, model.Call{Kind: model.CallKmap, Index: 1, From: spare}, [2]int{7, 1}, spare, false, "broken"},
		{"nobody asks", false, model.Call{Kind: model.CallMapRange}, [2]int{6, 1}, spare, false, "broken"},
		{"it was there before", false, model.Call{Kind: model.CallMapRange}, [2]int{6, 1}, spare, true, "silent"},
		{"setup_done of a guest", true, model.Call{Kind: model.CallSetupDone}, [2]int{7, 2}, 12, false, "held"},
		{"setup_done of a guest, another page", true, model.Call{Kind: model.CallSetupDone}, [2]int{7, 2}, data, false, "broken"},
		{"setup_done maps memory", false, model.Call{Kind: model.CallSetupDone}, [2]int{7, 2}, data, false, "broken"},
	} {
		x := newScene(t, "fixmap-asked", c.guest)
		earlyScene(x)
		x.L.Kernel.NrFixed, x.L.Kernel.FixSharedInfo, x.L.Kernel.SharedInfo = 8, 1, 12
		e := model.Entry(0)
		if c.to != model.NoFrame {
			e = entry(c.to, final)
		}
		if c.had {
			x.set(model.Frame(c.slot[0]), c.slot[1], entry(spare, final))
		}
		x.Commit()
		x.c.Begin(x.State)
		x.verdict(model.OpCallBegin, c.call)
		x.set(model.Frame(c.slot[0]), c.slot[1], e)
		if got := x.verdict(model.OpCallEnd, c.call); got != c.want {
			t.Errorf("%s: %s, want %s; %+v", c.name, got, c.want, x.c.Detail)
		}
	}
}
