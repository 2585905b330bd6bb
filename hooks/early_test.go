package hooks_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
)

// earlyKernel is a native 64-bit kernel of 24 frames with a hole, all mapped but
// the last four. Frames 0 to 9: root, zero page, boot tables; 10 to 12 static.
func earlyKernel(t *testing.T, edit func(*native.EarlyConfig)) *hooks.Kernel {
	t.Helper()
	g, err := model.NewGeometry("tiny", 8, 4, 4, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	g.SignExtend = true
	c := native.EarlyConfig{Geo: g, MapEnd: 20, Tables: []model.PFN{2, 3, 4, 5, 6, 7, 8, 9}}
	c.Kernel = model.KernelMap{PageOffset: g.Wrap(2 * g.Span(4)), MaxLowPFN: 24, Root: 0, ZeroPage: 1, Spare: 1, BootmemFirst: 10,
		FixTop: g.Wrap(^model.VA(0)) &^ (model.PageSize - 1), NrFixed: 4}
	c.Early = &model.EarlyMap{RAM: []model.FrameRange{{From: 0, To: 16}, {From: 18, To: 24}}, Mapped: 20, Image: 13,
		Brk: model.FrameRange{From: 13, To: 15}, Window: 1, Windows: 3,
		Ranges: []model.FrameRange{{From: 0, To: 24}}, DirectEnd: g.Wrap(3 * g.Span(4))}
	if edit != nil {
		edit(&c)
	}
	s, err := native.EarlyStartOfDay(c)
	if err != nil {
		t.Fatal(err)
	}
	ops := native.EarlyOps()
	k := hooks.New(model.NewMachine(s), &ops)
	if how := died(k, func() { hooks.SetupStart(k) }); how != "alive" {
		t.Fatal(how)
	}
	return k
}

func TestFindInRange(t *testing.T) {
	k := earlyKernel(t, nil)
	for _, x := range []struct {
		from, to model.PFN
		n        int
		align    model.PFN
		want     model.PFN
		ok       bool
	}{
		{0, 24, 1, 1, 23, true},
		{0, 24, 6, 1, 18, true},
		{0, 24, 7, 1, 0, false},  // the hole is in the way
		{0, 24, 3, 4, 20, true},  // 21 is higher, but not aligned
		{0, 22, 3, 1, 19, true},  // the end counts
		{19, 22, 4, 1, 0, false}, // the start counts
		{0, 18, 1, 1, 15, true},  // the only free frame below the hole
		{0, 15, 1, 1, 0, false},  // image and brk are reserved
	} {
		got, ok := hooks.FindInRange(k, x.from, x.to, x.n, x.align)
		if got != x.want || ok != x.ok {
			t.Errorf("%+v: %d %t", x, got, ok)
		}
	}
	hooks.Reserve(k, 20, 22)
	if got, _ := hooks.FindInRange(k, 0, 24, 2, 1); got != 22 {
		t.Errorf("two frames at %d, want 22", got)
	}
	if got, ok := hooks.FindInRange(k, 0, 24, 3, 1); ok {
		t.Errorf("three frames at %d, want none", got)
	}
	hooks.Release(k, 20, 21)
	if got, _ := hooks.FindInRange(k, 0, 24, 3, 1); got != 18 {
		t.Errorf("three frames at %d, want 18", got)
	}
}

// TestAllocPage takes pages until there is none: mapped ones only, each once and
// zeroed.
func TestAllocPage(t *testing.T) {
	k := earlyKernel(t, nil)
	k.M.SetEntry(k.M.L.Geo, 19, 1, 0x77)
	k.M.Commit()
	for _, want := range []model.PFN{19, 18, 15, 0, 0} {
		var pfn model.PFN
		var ok bool
		if how := died(k, func() { pfn, ok = hooks.AllocPage(k) }); how != "alive" || pfn != want || ok != (want != 0) {
			t.Errorf("%s: page %d, %t; want %d", how, pfn, ok, want)
		}
	}
	if !k.M.Empty(19) {
		t.Error("a page is not cleared")
	}
}

func TestExtendBrk(t *testing.T) {
	k := earlyKernel(t, nil)
	for i, want := range []string{"alive", "alive", "bug extend_brk BUG"} {
		var pfn model.PFN
		if got := died(k, func() { pfn = hooks.ExtendBrk(k, 1) }); got != want || got == "alive" && pfn != model.PFN(13+i) {
			t.Errorf("page %d: %s, frame %d", i, got, pfn)
		}
	}
}

func TestTablesFor(t *testing.T) {
	for _, x := range []struct {
		end  model.PFN
		pse  bool
		want int
	}{
		{16, false, 4 + 1 + 1}, {17, false, 5 + 2 + 1}, {24, false, 6 + 2 + 1},
		{16, true, 0 + 1 + 1}, {18, true, 1 + 2 + 1},
	} {
		k := earlyKernel(t, func(c *native.EarlyConfig) { c.Kernel.HasPSE = x.pse })
		if got := hooks.TablesFor(k, x.end); got != x.want {
			t.Errorf("%d frames, large pages %t: %d tables, want %d", x.end, x.pse, got, x.want)
		}
	}
}

func TestSplitRange(t *testing.T) {
	for _, x := range []struct {
		from, to model.PFN
		pse      bool
		want     [3]model.FrameRange
		large    bool
	}{
		{1, 11, false, [3]model.FrameRange{{From: 1, To: 11}}, false},
		{1, 11, true, [3]model.FrameRange{{From: 1, To: 4}, {From: 4, To: 8}, {From: 8, To: 11}}, true},
		{4, 8, true, [3]model.FrameRange{{From: 4, To: 4}, {From: 4, To: 8}, {From: 8, To: 8}}, true},
		{5, 11, true, [3]model.FrameRange{{From: 5, To: 11}}, false}, // no whole large page
	} {
		k := earlyKernel(t, func(c *native.EarlyConfig) { c.Kernel.HasPSE = x.pse })
		got := hooks.SplitRange(k, model.FrameRange{From: x.from, To: x.to})
		for i, p := range got {
			if p.FrameRange != x.want[i] || p.Large != (x.large && i == 1) {
				t.Errorf("%d to %d, large pages %t: %+v", x.from, x.to, x.pse, got)
			}
		}
	}
}

// TestBufferRunsOut checks what happens when the estimate is too small, and when
// there is no room at all.
func TestBufferRunsOut(t *testing.T) {
	k := earlyKernel(t, nil)
	whole := model.FrameRange{To: 24}
	if got := died(k, func() { hooks.FindEarlyTableSpace(k, whole) }); got != "panic Cannot find space for the kernel page tables" {
		t.Errorf("nine tables of six free frames: %s", got)
	}
	k.M.Kernel.Buffer.Start, k.M.Kernel.Buffer.End, k.M.Kernel.Buffer.Top = 20, 20, 21
	for _, want := range []string{"alive", "panic alloc_low_page: ran out of memory"} {
		if got := died(k, func() { hooks.AllocLowPages(k, 1) }); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestEarlyIoremap uses up the slots, and checks where they lead.
func TestEarlyIoremap(t *testing.T) {
	k := earlyKernel(t, nil)
	if got := died(k, func() { hooks.EarlyIoremapInit(k) }); got != "alive" {
		t.Fatal(got)
	}
	var at [3]model.VA
	for i := range at {
		if got := died(k, func() { at[i] = hooks.EarlyIoremap(k, model.PFN(20+i)) }); got != "alive" {
			t.Fatal(got)
		}
		if tr, _ := k.M.Walk(at[i]); tr.Frame != model.Frame(20+i) || !tr.RW {
			t.Errorf("slot %d maps frame %d, writable %t", i, tr.Frame, tr.RW)
		}
	}
	if got := died(k, func() { hooks.EarlyIoremap(k, 23) }); got != "bug __early_ioremap BUG" {
		t.Errorf("a fourth slot: %s", got)
	}
	k.M.Run(func() { hooks.EarlyIounmap(k, at[1]) })
	if _, fault := k.M.Walk(at[1]); fault != model.WalkNotPresent {
		t.Errorf("the freed slot: %v", fault)
	}
	var again model.VA
	k.M.Run(func() { again = hooks.EarlyIoremap(k, 23) })
	if again != at[1] {
		t.Errorf("the next mapping is at %#x, want %#x", again, at[1])
	}
}

// TestEarlyStartOfDayRefuses gives too few boot tables.
func TestEarlyStartOfDayRefuses(t *testing.T) {
	c := native.EarlyConfig{Geo: model.AMD64(), MapEnd: 1, Tables: []model.PFN{1, 2}}
	c.Kernel = model.KernelMap{PageOffset: 0xffff_8800_0000_0000, MaxLowPFN: 8}
	if _, err := native.EarlyStartOfDay(c); err == nil {
		t.Error("two boot tables map a page of a 64-bit kernel")
	}
}
