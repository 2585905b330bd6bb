package model

import "testing"

func TestNewGeometryRefuses(t *testing.T) {
	for _, x := range []struct {
		name  string
		width int
		slots []int
		ok    bool
	}{
		{"one level", 8, []int{4}, false},
		{"no level", 8, nil, false},
		{"five levels", 8, []int{2, 2, 2, 2, 2}, true},
		{"six levels", 8, []int{2, 2, 2, 2, 2, 2}, false},
		{"width 2", 2, []int{4, 4}, false},
		{"width 0", 0, []int{4, 4}, false},
		{"empty table", 8, []int{4, 0}, false},
		{"negative table", 8, []int{-1, 4}, false},
		{"table of two pages", 8, []int{4, 513}, false},
		{"a page of eight bytes", 8, []int{4, 512}, true},
		{"a page of four bytes", 4, []int{1024, 4}, true},
		{"table of two pages, four bytes", 4, []int{1025, 4}, false},
		{"single slots", 8, []int{1, 1}, true},
	} {
		g, err := NewGeometry(x.name, x.width, x.slots...)
		if (err == nil) != x.ok || (g != nil) != x.ok {
			t.Errorf("%s: %+v, %v; want accepted %t", x.name, g, err, x.ok)
		}
	}
}

func TestGeometryAddresses(t *testing.T) {
	odd, err := NewGeometry("odd", 8, 3, 5, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		g     *Geometry
		bits  uint
		spans [5]VA
		words int
	}{
		{I386(), 32, [5]VA{0, 1 << 12, 1 << 22}, 512},
		{PAE(), 32, [5]VA{0, 1 << 12, 1 << 21, 1 << 30}, 512},
		{AMD64(), 48, [5]VA{0, 1 << 12, 1 << 21, 1 << 30, 1 << 39}, 512},
		{odd, 12 + 1 + 3 + 2, [5]VA{0, 1 << 12, 1 << 13, 1 << 16}, 5},
	} {
		if x.g.VABits() != x.bits || x.g.Words() != x.words {
			t.Errorf("%s: %d address bits, %d words; want %d, %d", x.g.Name, x.g.VABits(), x.g.Words(), x.bits, x.words)
		}
		for level := 1; level <= x.g.Levels; level++ {
			if got := x.g.Span(level); got != x.spans[level] {
				t.Errorf("%s: span of level %d is %#x, want %#x", x.g.Name, level, got, x.spans[level])
			}
		}
	}
	for _, x := range []struct {
		g             *Geometry
		va, wrapped   VA
		canonical     bool
		level, slot   int
		slotOfWrapped int
	}{
		{I386(), 0x1_0040_3000, 0x0040_3000, false, 2, 1, 1},
		{PAE(), 0xffff_f000, 0xffff_f000, true, 2, 511, 511},
		{AMD64(), 0x0000_8000_0000_0000, 0xffff_8000_0000_0000, false, 4, 256, 256},
		{AMD64(), 0xffff_8000_0000_0000, 0xffff_8000_0000_0000, true, 4, 256, 256},
		{AMD64(), 0x0000_7fff_ffff_f000, 0x0000_7fff_ffff_f000, true, 4, 255, 255},
		{odd, 0x3_f000, 0x3_f000, true, 3, 3, 3}, // beyond the last of three slots
	} {
		if got := x.g.Wrap(x.va); got != x.wrapped || x.g.Canonical(x.va) != x.canonical {
			t.Errorf("%s: %#x wraps to %#x, canonical %t; want %#x, %t", x.g.Name, x.va, got, x.g.Canonical(x.va), x.wrapped, x.canonical)
		}
		if a, b := x.g.Index(x.va, x.level), x.g.Index(x.wrapped, x.level); a != x.slot || b != x.slotOfWrapped {
			t.Errorf("%s: %#x has slot %d at level %d, want %d", x.g.Name, x.va, a, x.level, x.slot)
		}
	}
}

func TestRootRights(t *testing.T) {
	for _, x := range []struct {
		g     *Geometry
		level int
		want  bool
	}{{I386(), 2, true}, {PAE(), 3, false}, {PAE(), 2, true}, {AMD64(), 4, true}} {
		if got := x.g.GrantsRights(x.level); got != x.want {
			t.Errorf("%s: entries of level %d grant rights: %t, want %t", x.g.Name, x.level, got, x.want)
		}
	}
}
