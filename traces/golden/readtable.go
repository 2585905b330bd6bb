package golden

import "slices"

// tables reads a list of tables.
func (r *reader) tables(path string, n *node) []Table {
	var out []Table
	for i, item := range r.list(path, n) {
		if r.failed() {
			return nil
		}
		p := element(path, i)
		t := r.table(p, &item)
		if i > 0 {
			last := &out[i-1]
			if t.PA < last.PA || t.PA == last.PA && t.Level <= last.Level {
				r.fail(p, "tables are not in ascending order of pa and level")
			}
		}
		out = append(out, t)
	}
	return out
}

// table reads one table.
func (r *reader) table(path string, n *node) Table {
	f := r.object(path, n, []string{"pa", "level", "width", "reachable", "runs"}, nil)
	t := Table{PA: f.hexAt("pa", 1<<52-1), Level: f.intAt("level", 1, 3), Width: f.intAt("width", 4, 8)}
	p, v := f.at("reachable")
	if r.want(p, v, kindBool) {
		t.Reachable = v.text == "true"
	}
	switch {
	case t.PA%PageSize != 0:
		r.fail(join(path, "pa"), "%#x is not page aligned", t.PA)
	case t.Width != 4 && t.Width != 8:
		r.fail(join(path, "width"), "%d is neither 4 nor 8", t.Width)
	case t.Level == 3 && t.Width != 8:
		r.fail(join(path, "width"), "a level-3 table has width 8")
	}
	if r.failed() {
		return t
	}
	limit := max64
	if t.Width == 4 {
		limit = max32
	}
	p, v = f.at("runs")
	t.Entries = r.runs(p, v, t.Capacity(), limit)
	return t
}

// runs reads a list of runs of entries with indices below capacity and values
// of at most limit.
func (r *reader) runs(path string, n *node, capacity int, limit uint64) []Entry {
	var runs []Run
	for i, item := range r.list(path, n) {
		p := element(path, i)
		run := r.run(p, &item, capacity)
		if i > 0 && run.Index < runs[i-1].Index+runs[i-1].Count {
			r.fail(p, "runs overlap or are not in ascending order")
		}
		if r.failed() {
			return nil
		}
		runs = append(runs, run)
	}
	entries := Expand(runs)
	for _, e := range entries {
		if e.Raw == 0 || e.Raw > limit {
			r.fail(path, "entry %d has the value %#x: want 1 to %#x", e.Index, e.Raw, limit)
			return nil
		}
	}
	if !slices.Equal(Compress(entries), runs) {
		r.fail(path, "runs are not greedy maximal runs")
	}
	return entries
}

// run reads one run.
func (r *reader) run(path string, n *node, capacity int) Run {
	items := r.tuple(path, n, 4)
	if items == nil {
		return Run{}
	}
	index := r.integer(element(path, 0), &items[0], 0, int64(capacity-1))
	return Run{
		Index: int(index),
		Count: int(r.integer(element(path, 1), &items[1], 1, int64(capacity)-index)),
		First: r.hex(element(path, 2), &items[2], max64),
		Step:  r.hex(element(path, 3), &items[3], max64),
	}
}

// residue reads the root residue of a native PAE dump.
func (f fields) residue(file *File) []Entry {
	p, n := f.at("root_residue")
	if file.Config.Flavour != Native || file.Config.Mode != PAE {
		f.fail(p, "only a native PAE dump has a root residue")
		return nil
	}
	entries := f.runs(p, n, PageSize/4, max32)
	if len(entries) == 0 {
		f.fail(p, "must not be empty: leave it out")
	} else if entries[0].Index < 8 {
		f.fail(p, "word %d belongs to the root, not to its residue", entries[0].Index)
	}
	return entries
}
