package model

// Unwatched is the hypervisor without the machine around it: its hypercalls are those of a
// [Machine] that nobody watches, that refuses none and that is not interrupted. Searches
// that make millions of them from the same state use it.
type Unwatched struct{ s *State }

// Unwatched returns the hypervisor of a state.
func (s *State) Unwatched() Unwatched { return Unwatched{s} }

// MMUUpdate is [Machine.MMUUpdate].
func (b Unwatched) MMUUpdate(ptr uint64, val Entry) Errno { return b.s.mmuUpdate(ptr, val) }

// Pin is [Machine.Pin].
func (b Unwatched) Pin(level int, mfn MFN) Errno { return b.s.pin(level, mfn) }

// Unpin is [Machine.Unpin].
func (b Unwatched) Unpin(mfn MFN) Errno { return b.s.unpin(mfn) }

// NewBaseptr is [Machine.NewBaseptr].
func (b Unwatched) NewBaseptr(mfn MFN) Errno { return b.s.newBaseptr(mfn) }
