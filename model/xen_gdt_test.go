package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Descriptors are written as the manual shows them: the upper half, then the lower
// (Intel SDM vol. 3, figure 3-8). 9 is present, 8000 in the upper half.
func descriptor(upper, lower uint32) uint64 { return uint64(upper)<<32 | uint64(lower) }

// TestCheckDescriptor holds what the hypervisor makes of single descriptors.
func TestCheckDescriptor(t *testing.T) {
	for _, x := range []struct {
		what         string
		upper, lower uint32
		wide         bool // a 64-bit guest
		ok           bool
		newUpper     uint32
		newLower     uint32
	}{
		{"empty", 0, 0, true, true, 0, 0},
		{"anything that is not present", 0x00ff_7fff, 0x1234_5678, false, true, 0x00ff_7fff, 0x1234_5678},
		{"flat code of level 0 becomes level 3", 0x00af_9b00, 0xffff, true, true, 0x00af_fb00, 0xffff},
		{"flat data of level 3 stays", 0x00cf_f300, 0xffff, true, true, 0x00cf_f300, 0xffff},
		{"32-bit: level 0 becomes level 1", 0x0040_9b00, 0xffff, false, true, 0x0040_bb00, 0xffff},
		{"32-bit: level 2 stays", 0x0040_db00, 0xffff, false, true, 0x0040_db00, 0xffff},
		{"32-bit: long code is refused", 0x00af_9b00, 0xffff, false, false, 0, 0},
		{"32-bit: a flat segment up to Xen's hole covers the list of frames", 0x00cf_bb00, 0x5fff, false, true, 0x00cf_bb00, 0xffff},
		{"32-bit: the same with a base stays as it is", 0x00cf_bb01, 0x5fff, false, true, 0x00cf_bb01, 0x5fff},
		{"32-bit: one that ends before the hole stays", 0x00c7_bb00, 0xffff, false, true, 0x00c7_bb00, 0xffff},
		{"a task state segment is refused", 0x0000_8900, 0x67, true, false, 0, 0},
		{"a local table is refused", 0x0000_8200, 0xffff, false, false, 0, 0},
		{"an interrupt gate is refused", 0x0000_8e00, 0xe033_0000, true, false, 0, 0},
		{"type 0 is the second half of a call gate", 0x0000_8000, 0xffff_ffff, true, true, 0x0000_8000, 0xffff_ffff},
		{"a call gate keeps its level in the selector and always faults", 0x0000_ec00, 0xe033_1000, true, true, 0x0000_8c00, 0xe033_1000},
		{"32-bit: the same, of level 1", 0x0000_8c00, 0xe019_1000, false, true, 0x0000_8c00, 0xe019_1000},
		{"32-bit: a gate's selector gets the gate's level", 0x0000_cc00, 0x0008_1000, false, true, 0x0000_8c00, 0x000a_1000},
		{"a call gate with parameters is refused", 0x0000_ec01, 0xe033_1000, true, false, 0, 0},
		{"32-bit: up to 31 parameters may be", 0x0000_cc1f, 0x0008_1000, false, true, 0x0000_8c1f, 0x000a_1000},
		{"32-bit: reserved bits may not", 0x0000_cc20, 0x0008_1000, false, false, 0, 0},
		{"a call gate to Xen's own selectors is refused", 0x0000_ec00, 0xe008_1000, true, false, 0, 0},
		{"a call gate to the local table may be", 0x0000_ec00, 0xe00f_1000, true, true, 0x0000_8c00, 0xe00f_1000},
	} {
		got, ok := checkDescriptor(descriptor(x.upper, x.lower), x.wide)
		if assert.Equal(t, x.ok, ok, x.what) && ok {
			assert.Equal(t, descriptor(x.newUpper, x.newLower), got, "%s: %#x", x.what, got)
		}
	}
}

// TestSetGDTRefusals holds that a table with one bad descriptor is refused as a
// whole, and that there are at most 14 frames.
func TestSetGDTRefusals(t *testing.T) {
	s := bootGuest(t, AMD64(), Ideal(), 40)
	for f := MFN(0); f < 20; f++ {
		_, _, rc := s.updateVAMapping(VA(f)<<PageShift, MakeEntry(f, Present), UVMFInvlpg)
		require.Equal(t, OK, rc)
	}
	many := make([]MFN, 15)
	for i := range many {
		many[i] = MFN(i)
	}
	assert.Equal(t, EINVAL, s.setGDT(many))
	require.Equal(t, OK, s.setGDT(many[:14]))
	s.SetWord(15, 3, descriptor(0x0000_8900, 0x67))
	assert.Equal(t, EINVAL, s.setGDT([]MFN{16, 15}))
	assert.Len(t, s.GDT, 14, "the old table stays")
	assert.Zero(t, s.Info(16).T, "what was taken is given back")
	require.Equal(t, OK, s.setGDT(nil))
	assert.Zero(t, s.Info(0).T)
}

// TestSetGDTResidue is the same under a hypervisor that undoes by itself.
func TestSetGDTResidue(t *testing.T) {
	s := bootGuest(t, AMD64(), Xen417(), 40)
	for _, f := range []MFN{4, 5, 6} {
		_, _, rc := s.updateVAMapping(VA(f)<<PageShift, MakeEntry(f, Present), UVMFInvlpg)
		require.Equal(t, OK, rc)
	}
	s.SetWord(6, 0, descriptor(0x0000_8900, 0x67))
	assert.Equal(t, EINVAL, s.setGDT([]MFN{4, 5, 6}))
	for f := Frame(4); f <= 6; f++ {
		assert.Zero(t, s.Info(f).T, "frame %d", f)
		assert.EqualValues(t, 2, s.Info(f).G, "frame %d", f)
	}
}
