package pagemap

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

// pageAt is a range of pages that may be written.
func pageAt(start, pages, frame uint64, flags model.Entry) Range {
	return Range{Start: start, Size: pages << 12, Kind: Page, Leaf: Leaf{Shift: 12, Frame: frame, Flags: model.Present | flags, RW: true, NX: true}}
}

// atRest is a map of memory at rest, with tables that hang in two more places.
func atRest() *Map {
	m := &Map{Name: "rest", Mode: "PAE", Ranges: []Range{
		pageAt(0, 2, 7, model.Accessed), {Start: 0x2000, Size: 0x2000, Kind: Hole},
		{Start: 0x4000, Size: 0x8000, Kind: Again, As: 0, Span: 0x4000}, {Start: 0xc000, Size: 1<<32 - 0xc000, Kind: Hole},
	}}
	return m
}

// TestAgain compares maps that tell sharing with one another and with one that does not.
func TestAgain(t *testing.T) {
	boot := &Map{Name: "boot", Mode: "PAE", Outcome: "ok", Ranges: []Range{
		pageAt(0, 2, 7, model.Accessed), {Start: 0x2000, Size: 0x2000, Kind: Hole},
		pageAt(0x4000, 2, 7, model.Accessed), {Start: 0x6000, Size: 0x2000, Kind: Hole},
		pageAt(0x8000, 2, 7, model.Accessed), {Start: 0xa000, Size: 1<<32 - 0xa000, Kind: Hole},
	}}
	for name, pair := range map[string][2]*Map{"itself": {atRest(), atRest()}, "a boot": {atRest(), boot}, "turned": {boot, atRest()}} {
		if err := Comparable(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
		if d := Diff(pair[0], pair[1], ignore(t, "tables")); len(d) > 0 {
			t.Errorf("%s: %+v", name, d)
		}
	}
	moved := atRest()
	moved.Ranges[2].As = 0x1000
	if d := Diff(atRest(), moved, ignore(t, "tables")); len(d) != 1 || d[0].A != "each 16K as at 00000000" || d[0].B != "each 16K as at 00001000" {
		t.Errorf("%+v", d)
	}
	short := atRest()
	short.Ranges = short.Ranges[:3]
	if Comparable(atRest(), short) == nil {
		t.Error("address spaces of different sizes are compared")
	}
}

// TestCoarse puts together what differs in use and in the order of frames.
func TestCoarse(t *testing.T) {
	m := &Map{Name: "rest", NoExecute: true, Ranges: []Range{
		pageAt(1<<63, 2, 7, model.Accessed), pageAt(1<<63+0x2000, 1, 9, model.Dirty), pageAt(1<<63+0x3000, 1, 4, 0),
		{Start: 1<<63 + 0x4000, Size: 1<<63 - 0x4000, Kind: Hole},
	}}
	c := m.Coarse()
	if len(c.Ranges) != 2 || c.Ranges[0].Size != 0x4000 || !c.Ranges[0].Leaf.Scattered || c.Ranges[0].Leaf.Flags != model.Present || len(m.Ranges) != 4 {
		t.Errorf("%+v", c.Ranges)
	}
	var text, picture bytes.Buffer
	if err := c.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	c.Ranges[0].Leaf.NX = false
	if err := c.WriteSVG(&picture); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "8000000000000000-8000000000003fff       16K  rw- k 4K  P         0x7 and others") {
		t.Error(text.String())
	}
	if !strings.Contains(picture.String(), "and executable") || strings.Contains(picture.String(), "to scale") || strings.Count(picture.String(), "#ee9a9a") != 2 {
		t.Error(picture.String())
	}
}
