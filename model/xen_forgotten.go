package model

// Forget is a way in which Xen 4.17 forgets a reference: it takes or keeps one that
// nobody will give back. The frame is lost to its owner, and no harm comes of it
// otherwise. All are in the undoing of audits that fail or are interrupted.
type Forget uint8

// Known ways.
const (
	// ForgetPushedOut: an audit has failed three levels down, and the table there
	// waits to be released. When the audit of the table two levels up fails at a
	// later slot than its first, that one waits instead and the other is forgotten,
	// with its general reference (promote_l4_table: old_guest_table is replaced). Seen
	// on the real Xen.
	ForgetPushedOut Forget = iota
	// ForgetSharedL2: the last entry of a PAE root takes its references, then its L2
	// turns out to have another parent, and only the entries before it are undone
	// (promote_l3_table, pae_xen_mappings_check). The L2 keeps a use.
	ForgetSharedL2
	// ForgetHalfEntry: slot 0 names, as a same-level entry, a table whose release was
	// interrupted. It is taken for a table of the level below, which fails, and
	// failures at slot 0 are not undone (promote_l2_table and its kind).
	ForgetHalfEntry
	// ForgetLinearEntry: the same at any slot, where another processor has meanwhile made
	// the table a whole one again: the entry is then granted as a same-level one, which
	// takes a new general reference beside the old one (get_page_from_l2e and its kind:
	// get_l2_linear_pagetable knows nothing of PTF_partial_set).
	ForgetLinearEntry
	// ForgetBusyEntry: the audit of slot 0 was interrupted; when it is taken up again
	// another processor is at work below and it is interrupted before anything is
	// done. Where that happens at slot 0 nothing is noted (the tests "rc == -EINTR &&
	// i" of promote_l3_table and promote_l4_table).
	ForgetBusyEntry

	NumForgets
)

// String says in words what is forgotten.
func (f Forget) String() string {
	return [...]string{"table-pushed-out", "shared-l2", "half-entry", "linear-entry", "busy-entry"}[f]
}

// forget notes that a reference to a frame is forgotten in one of these ways.
func (s *State) forget(how Forget, f Frame) {
	if f == NoFrame || !s.rules.known {
		return
	}
	i := s.touch(f)
	i.Forgotten++
	if how == ForgetSharedL2 {
		i.ForgottenUses++
	}
	s.forgets[how]++
}

// Forgets is how often references were forgotten in each way since the state was
// made. It is no part of a packed state.
func (s *State) Forgets() [NumForgets]uint64 { return s.forgets }

// ProfileNamed returns the profile with a name: one of [Profiles], or [Xen417Known].
func ProfileNamed(name string) (*Profile, bool) {
	for _, p := range append(Profiles(), Xen417Known()) {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}
