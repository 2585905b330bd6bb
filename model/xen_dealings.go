package model

import (
	"encoding/binary"
	"slices"
)

// dealings are what a guest's dealings with other domains, devices and interrupted
// hypercalls leave with the hypervisor. A kernel that boots has none.
type dealings struct {
	// lent are the frames that another domain maps writable by a grant, ascending.
	lent []Frame
	// granted are the grants that the guest maps by the address of an entry, in the
	// order of mapping.
	granted []grant
	// device says that a device has been assigned.
	device bool
	// dying says that the domain is being destroyed.
	dying bool
	// ended says that the hypervisor has ended the guest for what it did.
	ended bool
	// pending is the table whose release was interrupted or put off, NoFrame if
	// there is none; half says that it is an unfinished one.
	pending Frame
	half    bool
	// userMode says that the rest of a batch runs for user mode. It is over when
	// the hypercall is.
	userMode bool
}

func (t *dealings) reset() {
	*t = dealings{pending: NoFrame, lent: t.lent[:0], granted: t.granted[:0]}
}

func (t *dealings) none() bool {
	return len(t.lent)+len(t.granted) == 0 && !t.device && !t.dying && !t.ended && t.pending == NoFrame
}

func (t *dealings) copyFrom(o *dealings) {
	lent, granted := append(t.lent[:0], o.lent...), append(t.granted[:0], o.granted...)
	*t = *o
	t.lent, t.granted = lent, granted
}

func (t *dealings) pack(dst []byte) []byte {
	dst = append(dst, bit(t.device, 0)|bit(t.dying, 1)|bit(t.half, 2)|bit(t.ended, 3))
	dst = putFrame(dst, t.pending)
	dst = binary.AppendUvarint(dst, uint64(len(t.lent)))
	for _, f := range t.lent {
		dst = putFrame(dst, f)
	}
	dst = binary.AppendUvarint(dst, uint64(len(t.granted)))
	for _, g := range t.granted {
		dst = putFrame(putFrame(dst, g.table), g.frame)
		dst = binary.AppendUvarint(append(dst, bit(g.write, 0)), uint64(g.slot))
	}
	return dst
}

func (t *dealings) unpack(src []byte) []byte {
	t.device, t.dying, t.half, t.ended = src[0]&1 != 0, src[0]&2 != 0, src[0]&4 != 0, src[0]&8 != 0
	t.pending, src = takeFrame(src[1:])
	number := func() uint64 {
		v, n := binary.Uvarint(src)
		src = src[n:]
		return v
	}
	for n := number(); n > 0; n-- {
		var f Frame
		f, src = takeFrame(src)
		t.lent = append(t.lent, f)
	}
	for n := number(); n > 0; n-- {
		var g grant
		g.table, src = takeFrame(src)
		g.frame, src = takeFrame(src)
		g.write, src = src[0]&1 != 0, src[1:]
		g.slot = int(number())
		t.granted = append(t.granted, g)
	}
	return src
}

// lend notes one more grant mapping of a frame.
func (t *dealings) lend(f Frame) {
	i, _ := slices.BinarySearch(t.lent, f)
	t.lent = slices.Insert(t.lent, i, f)
}

// takeBack forgets one grant mapping of a frame, and reports whether there was
// one.
func (t *dealings) takeBack(f Frame) bool {
	i, ok := slices.BinarySearch(t.lent, f)
	if ok {
		t.lent = slices.Delete(t.lent, i, i+1)
	}
	return ok
}

// Pending returns the table whose release waits to be finished, NoFrame if none
// does.
func (s *State) Pending() Frame { return s.dealings.pending }

// Lent are the frames that another domain maps writable by a grant.
func (s *State) Lent() []Frame { return s.dealings.lent }

// DeviceWrites reports whether a device can write to a frame.
func (s *State) DeviceWrites(f Frame) bool { return s.info[f].Is(ForDevice) }

// Given reports whether another domain owns a frame of the guest's for the time
// being.
func (s *State) Given(f Frame) bool { return s.info[f].Is(GivenAway) }

// Dying reports whether the domain is being destroyed.
func (s *State) Dying() bool { return s.dealings.dying }

// Fatal is why the hypervisor itself would have died. Only mutants get there.
type Fatal uint8

// Deaths of a hypervisor.
const (
	FatalNone      Fatal = iota
	FatalReference       // a reference was given back that nobody held
	FatalFlush           // a flush named an address that no processor accepts
)

// String says it in words.
func (f Fatal) String() string {
	return [...]string{"alive", "a reference is given back that nobody holds", "the flush of a page outside the address space"}[f]
}

// Fatal is why the hypervisor would have died since the state was set.
func (s *State) Fatal() Fatal { return s.fatal }
