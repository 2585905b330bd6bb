package recorded

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// geometries are the paging modes, by number of levels.
func geometryOf(levels int) *model.Geometry {
	switch levels {
	case 2:
		return model.I386()
	case 3:
		return model.PAE()
	}
	return model.LongMode(levels)
}

// layout is the machine of a recording before it has tables: frames join it when they
// become some.
func layout() *model.Layout { return &model.Layout{Geo: geometryOf(2), Map: model.NewGrowingMap()} }

// setMode changes the paging mode.
func (m *machine) setMode(levels int) {
	l := *m.s.L
	l.Geo, m.levels, m.filling = geometryOf(levels), levels, model.NoFrame
	old := m.s.CPU
	m.s = model.NewState(&l)
	m.s.CPU = old
	m.trace.Mode(m.s, levels)
}

// about says what the recording is of.
func about(h *kernel.Header) invariants.Recorded {
	out := invariants.Recorded{
		Xen:      isGuest(h),
		Version:  versionOf(h.Release()),
		PhysBits: int(h.Number(kernel.KeyPhysBits)),
		Isolate:  slices.Contains(strings.Fields(h.Value(kernel.KeyBugs)), "cpu_meltdown"),
	}
	for _, r := range ordinary(h.E820) {
		out.RAM = append(out.RAM, model.FrameRange{From: frameOf(r.Start + model.PageSize - 1), To: frameOf(r.End)})
	}
	return out
}

// ordinary are the usable ranges of a memory map in ascending order. Those that touch are one: a
// page that begins in one and ends in the next is ordinary memory, too.
func ordinary(list []kernel.Range) (out []kernel.Range) {
	list = slices.SortedFunc(slices.Values(list), func(a, b kernel.Range) int { return cmp.Compare(a.Start, b.Start) })
	for _, r := range list {
		switch n := len(out); {
		case r.Kind != kernel.Usable:
		case n > 0 && r.Start <= out[n-1].End:
			out[n-1].End = max(out[n-1].End, r.End)
		default:
			out = append(out, r)
		}
	}
	return out
}

// isGuest reports whether the kernel is a guest of Xen's.
func isGuest(h *kernel.Header) bool { return h.Value(kernel.KeyXen) != "" }

// frameOf is the frame of an address.
func frameOf(addr uint64) model.PFN { return model.PA(addr).PFN() }

// versionOf reads the version of a kernel's release, zero if it is not known.
func versionOf(release string) (v invariants.Version) {
	major, rest, _ := strings.Cut(release, ".")
	minor := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if err != nil || err2 != nil {
		return invariants.Version{}
	}
	return invariants.Version{Major: a, Minor: b}
}
