package view

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// KernelNames names what belongs to a kernel or a hostile guest: frames are f0, f1 and
// so on. It implements systems.Names.
type KernelNames struct{}

// FrameName implements systems.Names.
func (KernelNames) FrameName(s *model.State, f model.Frame) string { return FrameName(s.L, f) }

// EntryText implements systems.Names.
func (KernelNames) EntryText(s *model.State, e model.Entry) string { return EntryText(s.L, e) }

// Frame implements systems.Names.
func (k KernelNames) Frame(s *model.State, name string) (model.Frame, error) {
	for f := range model.Frame(s.L.Map.Frames()) {
		if k.FrameName(s, f) == name {
			return f, nil
		}
	}
	return model.NoFrame, fmt.Errorf("%q is not a frame: there are f0 to f%d", name, s.L.Map.Guest()-1)
}

// Address implements systems.Names. It reads 0x... or fix:N, or a frame for its place in
// the direct map.
func (k KernelNames) Address(s *model.State, text string) (model.VA, error) {
	m := &s.L.Kernel
	if n, ok := strings.CutPrefix(text, "fix:"); ok && m.NrFixed > 0 {
		i, err := strconv.Atoi(n)
		if err != nil || i < 0 || i >= m.NrFixed {
			return 0, fmt.Errorf("%q is not a fixmap index: there are fix:0 to fix:%d", text, m.NrFixed-1)
		}
		return s.L.Fix(i), nil
	}
	if f, err := k.Frame(s, text); err == nil && m.MaxLowPFN > 0 {
		if pfn := model.PFN(f); pfn < m.MaxLowPFN {
			return s.L.VA(pfn.PA()), nil
		}
		return 0, fmt.Errorf("frame %s has no place in the direct map", text)
	}
	return HexAddress(text, "an address such as 0x1000, fix:2, or a frame of low memory")
}

// HexAddress reads a hexadecimal address; want says in words what may stand there.
func HexAddress(text, want string) (model.VA, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	n, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is not an address: want %s", text, want)
	}
	return model.VA(n), nil
}
