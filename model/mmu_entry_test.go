package model

import (
	"strconv"
	"strings"
	"testing"
)

func TestMakeEntry(t *testing.T) {
	const big = MFN(1<<40 - 1)
	for _, x := range []struct {
		mfn   MFN
		flags Entry
		want  Entry
	}{
		{3, Present | RW, 0x3003},
		{big, NX | 0x7ff, 0x800f_ffff_ffff_f7ff},
		{big + 1, Present, 1},         // no room for more
		{5, Present | 0x9000, 0x5001}, // no frame number among the flags
	} {
		if got := MakeEntry(x.mfn, x.flags); got != x.want {
			t.Errorf("frame %#x flags %#x: %#x, want %#x", x.mfn, x.flags, got, x.want)
		}
	}
	e := MakeEntry(big, NX|Global|AvailHigh)
	if e.MFN() != big || e.Flags() != NX|Global|AvailHigh || !e.Is(NX|Global) || e.Is(Present|Global) {
		t.Errorf("%#x: frame %#x, flags %#x", e, e.MFN(), e.Flags())
	}
}

// TestFlagText writes each flag and reads its letter again; flags without one
// are a number.
func TestFlagText(t *testing.T) {
	for bit := range 64 {
		e := Entry(1) << bit
		text := string(AppendFlags([]byte("f3:"), e))[3:]
		if FrameMask&e != 0 {
			if text != "" {
				t.Errorf("bit %d of the frame number is written %q", bit, text)
			}
			continue
		}
		if rest, ok := strings.CutPrefix(text, "+0x"); ok {
			if v, err := strconv.ParseUint(rest, 16, 64); err != nil || Entry(v) != e {
				t.Errorf("bit %d is written %q", bit, text)
			}
			continue
		}
		if got, ok := ParseFlag(text[0]); len(text) != 1 || !ok || got != e {
			t.Errorf("bit %d is written %q, which reads as %#x", bit, text, got)
		}
	}
	if got := string(AppendFlags(nil, MakeEntry(7, Present|RW|User|Accessed|Dirty|NX|1<<53|1<<61))); got != "PWUADX+0x2020000000000000" {
		t.Errorf("flags are written %q", got)
	}
	if _, ok := ParseFlag('Z'); ok {
		t.Error("Z is a flag")
	}
}

func TestTypeLevels(t *testing.T) {
	for level := 1; level <= 4; level++ {
		if got := TableType(level); got.Level() != level || got.String() != "L"+strconv.Itoa(level) {
			t.Errorf("the type of level %d is %v of level %d", level, got, got.Level())
		}
	}
	for _, typ := range []Type{TypeNone, TypeSegDesc, TypeShared, TypeWritable} {
		if typ.Level() != 0 {
			t.Errorf("%v is a table of level %d", typ, typ.Level())
		}
	}
	used := FrameInfo{Typ: TypeL2, T: 1}
	if !used.InUseAs(TypeL2) || used.InUseAs(TypeL1) || (&FrameInfo{Typ: TypeL2}).InUseAs(TypeL2) {
		t.Error("wrong frames are in use")
	}
}

// TestStoreAt stores and loads odd places and widths through the door for
// callers that want to see their faults.
func TestStoreAt(t *testing.T) {
	m := bare(t)
	m.SetWord(2, 0, 0x1111_1111_1111_1111)
	m.SetWord(2, 1, 0x2222_2222_2222_2222)
	store := func(va VA, width int, v uint64) bool {
		tr, fault := m.Access(va, true)
		return m.StoreAt(va, &tr, fault, width, v, false)
	}
	for _, x := range []struct {
		va     VA
		width  int
		v      uint64
		lo, hi uint64
	}{
		{0xa000, 8, 0xaabb_ccdd_eeff_0011, 0xaabb_ccdd_eeff_0011, 0x2222_2222_2222_2222},
		{0xa002, 4, 0x9999_8888, 0xaabb_9999_8888_0011, 0x2222_2222_2222_2222},
		{0xa006, 4, 0xffff_ffff_7777_6666, 0x6666_9999_8888_0011, 0x2222_2222_2222_7777},
		{0xa004, 8, 0x0123_4567_89ab_cdef, 0x89ab_cdef_8888_0011, 0x2222_2222_0123_4567},
	} {
		if !store(x.va, x.width, x.v) || m.Word(2, 0) != x.lo || m.Word(2, 1) != x.hi {
			t.Errorf("store of %d bytes at %#x: words %#x %#x, want %#x %#x", x.width, x.va, m.Word(2, 0), m.Word(2, 1), x.lo, x.hi)
		}
		if got, want := m.LoadFrame(2, int(x.va&0xfff), x.width), x.v<<(64-8*x.width)>>(64-8*x.width); got != want {
			t.Errorf("load of %d bytes at %#x: %#x, want %#x", x.width, x.va, got, want)
		}
	}
	m.leaf(2, 0x2001)
	before := m.Word(2, 0)
	if store(0xa000, 8, 5) || m.Word(2, 0) != before {
		t.Error("a store to a read-only page was done")
	}
	m.CPU.WP = false
	if !store(0xa000, 8, 5) || m.Word(2, 0) != 5 {
		t.Error("without WP a store to a read-only page was not done")
	}
	m.CPU.WP = true
	if m.leaf(2, 0); store(0xa000, 8, 5) {
		t.Error("a store to nothing was done")
	}
	if got := m.LoadFrame(NoFrame, 0, 8); got != 0 {
		t.Errorf("nobody's memory reads as %#x", got)
	}
}
