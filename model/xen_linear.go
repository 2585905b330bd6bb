package model

// Same-level entries. A guest may see its own tables through them, because a
// table of level n read as one of level n-1 shows level n entries as leaves.

// getLinear takes the references of an entry of a table to a table of the same
// level, and reports whether it may (Xen: get_l2_linear_pagetable to
// get_l4_linear_pagetable). The entry must be read-only; an entry to the table
// itself needs no reference.
func (s *State) getLinear(e Entry, table Frame, level int) bool {
	if !s.rules.linear[level] || e.Is(RW) {
		return false
	}
	f := s.L.Map.Frame(e.MFN())
	if f == table {
		return true
	}
	if !s.ours(f) {
		return false
	}
	i := &s.info[f]
	if i.Typ != TableType(level) || !i.Is(Validated) {
		return false
	}
	if s.rules.modern {
		// Chains are one deep: a table that holds such entries cannot be used by
		// one. Real counts are 16 bits wide.
		const most = 1<<15 - 1
		holds, used := s.info[table].Linear, i.Linear
		chained := holds < 0 || used > 0
		if chained && !s.rules.mutant.DeepLinear || holds == most || used == -most-1 {
			return false
		}
		s.touch(table).Linear++
		s.touch(f).Linear--
	}
	i = s.touch(f)
	i.T++
	i.G++
	return true
}

// dropLinear counts one same-level entry less (Xen: dec_linear_uses,
// dec_linear_entries).
func (s *State) dropLinear(f, user Frame) {
	if s.rules.modern {
		s.touch(f).Linear++
		s.touch(user).Linear--
	}
}
