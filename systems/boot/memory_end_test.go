package boot_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// onePageMore maps a page beyond low memory when it maps the last one.
func onePageMore(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		hooks.MapPage(k, pte, pfn)
		end := k.M.L.Kernel.MaxLowPFN
		if next := pte + model.VA(k.M.L.Geo.Width); pfn == end-1 && int(end)%k.M.L.Geo.Slots[1] != 0 {
			k.PV.SetPTE[k.M.Kernel.SetPTE](k, next, k.PV.MakePTE(k, uint64(end.PA())|uint64(model.Present|model.RW)))
		}
	}
}

// TestMemoryEndsInATable searches machines whose low memory ends in the middle of
// a leaf table: what head.S or nobody mapped behind it is no finding, what the
// kernel maps there is one.
func TestMemoryEndsInATable(t *testing.T) {
	for _, x := range []struct {
		system         *kernel.Backend
		lowmem, levels int
		patch          func(*hooks.Ops, *hooks.Funcs)
		want           string
	}{
		{boot.Native(), 10, 2, nil, ""},
		{boot.Native(), 10, 3, nil, ""},
		{boot.Xen(), 13, 2, nil, ""},
		{boot.Xen(), 18, 4, nil, ""},
		{boot.Native(), 10, 2, onePageMore, "direct-map-true"},
		{boot.Native(), 10, 3, onePageMore, "direct-map-true"},
		{boot.Xen(), 18, 4, onePageMore, "crash: fault pte-write-rejected pa 0000a010 (-EINVAL)"},
	} {
		s := kerneltest.New(t, x.system, kernel.Options{Levels: []int{x.levels}, Lowmem: x.lowmem, Change: systems.Change{Kernel: x.patch}})
		r := kerneltest.Search(t, s, 5)
		got := ""
		if len(r.Findings) > 0 {
			got, _ = kerneltest.Replay(s, r.Findings[0])
		}
		if got != x.want {
			t.Errorf("%s with %d levels: %q, want %q", s.Name, x.levels, got, x.want)
		}
	}
}
