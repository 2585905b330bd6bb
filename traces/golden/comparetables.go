package golden

import (
	"cmp"
	"fmt"
	"strings"
)

// compareTables compares lists of tables, both in dump order, entry by entry.
func compareTables(part string, want, got []Table) []Difference {
	var out []Difference
	bad, more := 0, 0
	add := func(diffs []Difference) {
		switch {
		case len(diffs) == 0:
		case bad >= maxTables:
			more++
		default:
			bad++
			out = append(out, diffs...)
		}
	}
	for len(want) > 0 || len(got) > 0 {
		switch order := firstOf(want, got); {
		case order < 0:
			add(onlyOne(part, &want[0], "this table", "none"))
			want = want[1:]
		case order > 0:
			add(onlyOne(part, &got[0], "none", "this table"))
			got = got[1:]
		default:
			add(compareTable(part, &want[0], &got[0]))
			want, got = want[1:], got[1:]
		}
	}
	if more > 0 {
		out = append(out, Difference{Part: part, Note: fmt.Sprintf("... and %d more tables", more)})
	}
	return out
}

// firstOf says whose first table comes first in dump order: negative for
// want, positive for got, zero for the same table in both.
func firstOf(want, got []Table) int {
	switch {
	case len(got) == 0:
		return -1
	case len(want) == 0:
		return 1
	}
	return cmp.Or(cmp.Compare(want[0].PA, got[0].PA), cmp.Compare(want[0].Level, got[0].Level))
}

// onlyOne is the finding for a table only one side has.
func onlyOne(part string, t *Table, want, got string) []Difference {
	note := fmt.Sprintf("it has %d entries", len(t.Entries))
	return []Difference{{Part: part, Where: tableName(t), Want: want, Got: got, Note: note}}
}

// tableName names a table, as in "L1 at 0x56b000".
func tableName(t *Table) string { return fmt.Sprintf("L%d at %#x", t.Level, t.PA) }

// compareTable compares two tables with the same address and level.
func compareTable(part string, want, got *Table) []Difference {
	var out []Difference
	name := tableName(want)
	if want.Width != got.Width {
		out = append(out, Difference{Part: part, Where: name + " width", Want: fmt.Sprint(want.Width), Got: fmt.Sprint(got.Width)})
	}
	if want.Reachable != got.Reachable {
		out = append(out, Difference{Part: part, Where: name + " reachable", Want: fmt.Sprint(want.Reachable), Got: fmt.Sprint(got.Reachable)})
	}
	return append(out, compareEntries(part, name+" slot", want.Entries, got.Entries)...)
}

// compareEntries compares ascending entries; slot names an index.
func compareEntries(part, slot string, want, got []Entry) []Difference {
	d := differences{part: part, limit: maxPerTable}
	for len(want) > 0 || len(got) > 0 {
		index := 0
		switch {
		case len(got) == 0:
			index = want[0].Index
		case len(want) == 0:
			index = got[0].Index
		default:
			index = min(want[0].Index, got[0].Index)
		}
		var w, g uint64
		if len(want) > 0 && want[0].Index == index {
			w, want = want[0].Raw, want[1:]
		}
		if len(got) > 0 && got[0].Index == index {
			g, got = got[0].Raw, got[1:]
		}
		if w != g {
			d.add(Difference{Where: fmt.Sprintf("%s %d", slot, index), Want: hexText(w), Got: hexText(g)})
		}
	}
	return d.done(strings.TrimSuffix(slot, " slot"), "entries")
}
