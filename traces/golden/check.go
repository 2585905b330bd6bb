package golden

import "slices"

// Check recomputes what a dump says about itself: the hashes of its tables
// (Want is the hash in the dump, Got the recomputed one), that its bootmem
// list is the one in its trace, and, if the trace has no folded operations,
// the hash of that. A folded trace cannot be checked, nor can the prezap
// hashes, unless the original died before the zap: then they are those of the
// tables at death.
func (f *File) Check() []Difference {
	d := differences{part: "hash", limit: maxPerTable}
	check := func(key, stored, own string) {
		if stored != own {
			d.add(Difference{Where: key, Want: hashText(stored), Got: own, Note: "recomputed from the dump itself"})
		}
	}
	check("tables_sha256", f.Hash.Tables, HashTables(f.Tables))
	check("reachable_sha256", f.Hash.Reachable, HashReachable(f.Tables))
	check("initial_sha256", f.Hash.Initial, HashTables(f.Initial))
	full := f.FullTrace
	if full == nil {
		full, _ = unfold(f.Trace)
	}
	if f.Outcome != "ok" && f.Hash.PrezapTables != "" && !zapped(f.Trace) {
		check("prezap_tables_sha256", f.Hash.PrezapTables, f.Hash.Tables)
		check("prezap_reachable_sha256", f.Hash.PrezapReachable, f.Hash.Reachable)
	}
	if full != nil {
		check("trace_sha256", f.Hash.Trace, full.Hash())
	}
	return append(d.list, compareLists("bootmem", bootmemTexts(bootmemOf(f.Trace)), bootmemTexts(f.Bootmem))...)
}

// zapped reports whether the trace reached the zap.
func zapped(ops []Op) bool {
	return slices.ContainsFunc(ops, func(op Op) bool { return op.Name == OpZap })
}

// unfold turns a folded trace back into the full one; ok is false if it has
// folded operations, whose values are lost.
func unfold(ops []Op) (full *Trace, ok bool) {
	full = &Trace{}
	for i := range ops {
		op := &ops[i]
		shape := shapeOf(op.Name)
		if !shape.known || shape.folds || len(op.Args) != shape.args {
			return nil, false
		}
		var args [2]uint64
		copy(args[:], op.Args)
		if code := codeOf(op.Name); shape.text {
			full.addText(code, args[0], op.Text)
		} else {
			full.add(code, args[0], args[1])
		}
	}
	return full, true
}

// codeOf is the code of the known operation called name.
func codeOf(name string) opCode {
	for c := range opCodes {
		if c.name() == name {
			return c
		}
	}
	return opCodes
}
