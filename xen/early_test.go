package xen_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// earlyGuest is a later kernel on the small guest of 16 frames, of which frame 13 is
// a hole and 14 to 15 are to be ballooned up. The builder's list of machine frames
// is frame 9. Frames 10 to 12 are free.
func earlyGuest(t *testing.T, levels int) *hooks.Kernel {
	t.Helper()
	c := guest(t, levels)
	c.Kernel.Spare = 1
	c.Kernel.BootmemFirst = 10
	c.Tables.MapEnd = 0xd000
	c.Early = &model.EarlyMap{
		RAM: []model.FrameRange{{From: 0, To: 13}}, Extra: model.FrameRange{From: 14, To: 16}, Mapped: 13, Image: 2,
		P2M: model.FrameRange{From: 9, To: 10}, NrPTFrames: int(c.Kernel.BootmemFirst) - 3,
	}
	s, err := xen.StartOfDay(c)
	if err != nil {
		t.Fatal(err)
	}
	ops := xen.EarlyOps()
	ops.Start(s)
	k := hooks.New(model.NewMachine(s), &ops)
	k.M.Kernel.SetPTE, k.M.Kernel.InitMM = model.VariantInit, k.M.CPU.CR3
	return k
}

// TestMaskRW goes through the cases of the filter.
func TestMaskRW(t *testing.T) {
	const rw, ro = model.Present | model.RW, model.Present
	for _, x := range []struct {
		name    string
		levels  int
		topDown bool
		slot    bool // the entry is one of early_ioremap's
		old     model.Entry
		pfn     model.PFN
		keeps   bool // write permission
	}{
		{"64 bits, a page outside the buffer", 4, false, false, 0, 9, true},
		{"64 bits, a used frame of the buffer", 4, false, false, 0, 10, false},
		{"64 bits, a frame to be used", 4, false, false, 0, 11, false},
		{"64 bits, behind the buffer", 4, false, false, 0, 12, true},
		{"64 bits, present and read-only before", 4, false, false, ro, 9, true},
		{"64 bits, the table being filled in its slot", 4, false, true, 0, 10, true},
		{"64 bits, another page in a slot", 4, false, true, 0, 9, false},
		{"64 bits, the next frame in a slot", 4, false, true, 0, 11, false},
		{"64 bits top-down, a frame of the buffer", 4, true, false, 0, 10, true},
		{"32 bits, a frame of the buffer", 3, false, false, 0, 10, true},
		{"32 bits, present and read-only before", 3, false, false, ro, 9, false},
		{"32 bits, present and writable before", 3, false, false, rw, 9, true},
	} {
		k := earlyGuest(t, x.levels)
		b := &k.M.Kernel.Buffer
		k.M.L.Early.TopDown = x.topDown
		b.Start, b.End, b.Top, b.FixTable = 10, 11, 12, 12
		b.Flags = model.EarlyFixmap
		ptep := k.M.L.VA(0x8008)
		if x.slot {
			b.FixTable = 8
		}
		k.M.SetEntry(k.M.L.Geo, 8, 1, x.old)
		k.M.Commit()
		got := xen.MaskRW(k, ptep, model.MakeEntry(k.M.L.Map.MFN(model.Frame(x.pfn)), rw))
		if got.Is(model.RW) != x.keeps || got.MFN() != k.M.L.Map.MFN(model.Frame(x.pfn)) {
			t.Errorf("%s: %#x", x.name, got)
		}
	}
}

// TestMissingFrames makes entries of frames with and without machine frames.
func TestMissingFrames(t *testing.T) {
	k := earlyGuest(t, 4)
	const flags = uint64(model.Present | model.RW)
	for _, x := range []struct {
		pfn        model.PFN
		ballooned  bool
		there, own bool // has a machine frame; keeps write permission
	}{
		{8, false, true, true}, {9, false, true, false}, {13, false, false, true}, {14, false, false, true},
		{13, true, false, true}, {14, true, true, true},
	} {
		k.M.Kernel.Buffer.Flags = 0
		if x.ballooned {
			k.M.Kernel.Buffer.Flags = model.Ballooned
		}
		e := xen.MakePTEEarly(k, uint64(x.pfn.PA())|flags)
		if got := k.M.L.Map.Frame(e.MFN()); (got == model.Frame(x.pfn)) != x.there || !x.there && got != model.NoFrame || e.Is(model.RW) != x.own {
			t.Errorf("frame %d, ballooned %t: entry %#x", x.pfn, x.ballooned, e)
		}
	}
}

// TestReserveReturnsSpares checks that the rest of a buffer is writable afterwards
// and that what is not mapped does not become so.
func TestReserveReturnsSpares(t *testing.T) {
	k := earlyGuest(t, 4)
	b := &k.M.Kernel.Buffer
	b.Start, b.End, b.Top = 10, 11, 14
	how := k.M.Run(func() {
		for pfn := model.PFN(10); pfn < 13; pfn++ {
			xen.MakeLowmemPageReadonly(k, k.M.L.VA(pfn.PA()))
		}
		xen.MappingPagetableReserve(k, 10, 11)
	})
	if how != nil {
		t.Fatal(how)
	}
	for pfn, want := range map[model.PFN]bool{10: false, 11: true, 12: true} {
		if leaf(k, pfn).Is(model.RW) != want {
			t.Errorf("frame %d is writable: %t", pfn, !want)
		}
	}
	if !b.Reserved.Has(10) || b.Reserved.Has(11) || leaf(k, 13).Is(model.Present) {
		t.Errorf("reserved %#x, frame 13 %#x", b.Reserved.Low(), leaf(k, 13))
	}
}
