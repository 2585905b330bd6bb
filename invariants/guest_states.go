package invariants

import "github.com/ptcheck/ptcheck/model"

// The parts of tables-read-only and root-valid that judge a state alone.

// stateReadOnly looks at every leaf of a table in use.
func stateReadOnly(r *Recount) (Detail, bool) {
	g := r.s.L.Geo
	for f := range r.frames() {
		level := r.table(f).Level()
		if level == 0 || level > 2 {
			continue
		}
		d := Detail{Table: f}
		pages := model.MFN(g.Span(level) / model.PageSize)
		ok := r.children(f, level, func(slot int, e model.Entry, child model.Frame) bool {
			if e&model.RW == 0 || level == 2 && !largeLeaf(r.s, g, 2, e) {
				return true
			}
			for p := range pages {
				to := r.s.L.Map.Frame(e.MFN()/pages*pages + p)
				if to >= 0 && r.table(to) != model.TypeNone {
					d.Frame, d.Slot, d.Got = to, slot, uint64(e)
					return false
				}
			}
			return true
		})
		if !ok {
			return d, false
		}
	}
	return Detail{}, true
}

// stateRoot looks at the roots of the processors.
func stateRoot(r *Recount) (Detail, bool) {
	want := model.TableType(r.s.L.Geo.Root())
	for _, f := range r.s.Roots() {
		if f < 0 {
			continue
		}
		if i := r.s.InfoAt(f); r.table(f) != want || !i.InUseAs(want) || !i.Is(model.Validated) {
			return Detail{Frame: f}, false
		}
	}
	return Detail{}, true
}
