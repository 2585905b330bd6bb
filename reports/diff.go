package reports

import "fmt"

// Diff is how one state differs from another.
type Diff struct {
	Registers []Line
	Tables    []TableDiff
	Pages     []Line
}

// Line is a line of a diff: Mark is '-', '+' or ' '.
type Line struct {
	Mark byte
	Text string
}

// TableDiff is a table that changed: all of its entries, before and after.
type TableDiff struct {
	Frame    string
	Geometry string
	// Was and Is are its roles; empty where it was or is nothing.
	Was, Is string
	Lines   []Line
}

// Compare returns how the state now differs from old.
func Compare(old, now *State) Diff {
	d := Diff{Registers: registerLines(old, now), Pages: pageLines(old, now)}
	for i := range now.Tables {
		t := &now.Tables[i]
		was := old.Find(t.Frame, t.Geometry)
		if was == nil {
			was = &Table{}
		}
		d.add(was, t)
	}
	for i := range old.Tables {
		if t := &old.Tables[i]; now.Find(t.Frame, t.Geometry) == nil {
			d.add(t, &Table{})
		}
	}
	return d
}

// Empty reports whether nothing differs.
func (d *Diff) Empty() bool { return len(d.Registers)+len(d.Tables)+len(d.Pages) == 0 }

// add compares two views of a table; one of them may be the zero Table.
func (d *Diff) add(old, now *Table) {
	lines, changed := entryLines(old, now)
	if !changed && old.Role == now.Role {
		return
	}
	t := TableDiff{Frame: now.Frame, Geometry: now.Geometry, Was: old.Role, Is: now.Role, Lines: lines}
	if now.Frame == "" {
		t.Frame, t.Geometry = old.Frame, old.Geometry
	}
	d.Tables = append(d.Tables, t)
}

// Header names the table and what it was and is.
func (t *TableDiff) Header() string {
	switch {
	case t.Was == t.Is:
		return t.Frame + " " + t.Is
	case t.Was == "":
		return t.Frame + " " + t.Is + " (new)"
	case t.Is == "":
		return t.Frame + " " + t.Was + " (gone)"
	}
	return t.Frame + " " + t.Was + " -> " + t.Is
}

// entryLines merges the entries of two views of a table.
func entryLines(old, now *Table) (lines []Line, changed bool) {
	a, b := old.Entries, now.Entries
	put := func(mark byte, e *Entry) {
		lines = append(lines, Line{mark, fmt.Sprintf("[%d] %s", e.Slot, e.Text)})
		changed = changed || mark != ' '
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Slot < b[0].Slot:
			put('-', &a[0])
			a = a[1:]
		case len(a) == 0 || b[0].Slot < a[0].Slot:
			put('+', &b[0])
			b = b[1:]
		default:
			if a[0].Text == b[0].Text {
				put(' ', &a[0])
			} else {
				put('-', &a[0])
				put('+', &b[0])
			}
			a, b = a[1:], b[1:]
		}
	}
	return lines, changed
}

func registerLines(old, now *State) []Line {
	var out []Line
	value := func(s *State, name string) (string, bool) {
		for _, r := range s.Registers {
			if r.Name == name {
				return r.Value, true
			}
		}
		return "", false
	}
	for _, r := range old.Registers {
		if v, ok := value(now, r.Name); !ok {
			out = append(out, Line{'-', r.Name + " " + r.Value})
		} else if v != r.Value {
			out = append(out, Line{'-', r.Name + " " + r.Value}, Line{'+', r.Name + " " + v})
		}
	}
	for _, r := range now.Registers {
		if _, ok := value(old, r.Name); !ok {
			out = append(out, Line{'+', r.Name + " " + r.Value})
		}
	}
	return out
}

// pageLines compares what the frames are; both states have the same ones.
func pageLines(old, now *State) []Line {
	var out []Line
	for i := range now.Pages {
		if i < len(old.Pages) && old.Pages[i] != now.Pages[i] && old.Pages[i].Text() != now.Pages[i].Text() {
			out = append(out, Line{'-', old.Pages[i].Text()}, Line{'+', now.Pages[i].Text()})
		}
	}
	return out
}
