package view

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// differences lists the entries in which two states differ.
func Differences(old, now *model.State) []reports.Change {
	var out []reports.Change
	g := now.L.Geo
	for f := range model.Frame(now.L.Map.Frames()) {
		for i := range g.Words() * 8 / g.Width {
			if a, b := old.Entry(g, f, i), now.Entry(g, f, i); a != b {
				out = append(out, reports.Change{Frame: FrameName(now.L, f), Slot: i, Old: EntryText(now.L, a), New: EntryText(now.L, b)})
			}
		}
	}
	return out
}
