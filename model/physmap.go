package model

import (
	"fmt"
	"slices"
)

// PhysMap relates the dense frame indexes of the model to machine frame
// numbers: Linux' p2m and Xen's m2p in one. It never changes while a machine
// runs, but for one that grows ([NewGrowingMap]). The zero value is the identity, as on
// bare metal.
type PhysMap struct {
	p2m    []MFN         // by Frame; nil: identity over guest frames
	lo     MFN           // machine frame of m2p[0], or of wide[0][0]
	m2p    []Frame       // by MFN - lo; NoFrame: not ours
	wide   []*m2pPage    // instead of m2p where machine frames lie apart: it in pieces
	none   *m2pPage      // the pieces without a frame of ours
	sparse map[MFN]Frame // instead of both where they lie far apart
	low    MFN           // where p2m is nil: the hole in front of high memory begins here
	high   MFN           // and ends here; both 0: no hole
	guest  int
	frames int
}

// maxSpan bounds the machine range that a reverse table may cover, maxWhole that of one in
// one piece.
const (
	maxSpan  = 1 << 24
	maxWhole = 1 << 14
)

// m2pPage is a piece of the reverse table. Few machine frames of a wide range are ours: all
// pieces without such a frame are one and the same.
type m2pPage [m2pLen]Frame

// m2pLen is the number of machine frames of a piece.
const m2pLen = 1 << 10

// IdentityMap returns the map of a machine with n frames whose machine and
// physical numbers agree.
func IdentityMap(n int) *PhysMap { return &PhysMap{guest: n, frames: n} }

// IdentityMapHigh returns the map of a bare machine with low frames from 0 on and high
// ones from a frame number on, as behind the hole for devices below 4 GiB. Frames of the
// second kind follow those of the first in the model.
func IdentityMapHigh(low, high int, from MFN) *PhysMap {
	return &PhysMap{guest: low + high, frames: low + high, low: MFN(low), high: from}
}

// NewPhysMap returns a map whose guest frames have the given machine numbers,
// in PFN order, followed by extra frames that are not the guest's.
func NewPhysMap(guest, extra []MFN) (*PhysMap, error) {
	p := &PhysMap{guest: len(guest), frames: len(guest) + len(extra)}
	p.p2m = append(append(make([]MFN, 0, p.frames), guest...), extra...)
	if p.frames == 0 {
		return nil, fmt.Errorf("model: physical map: no frames")
	}
	p.index()
	for f, m := range p.p2m {
		if g := p.Frame(m); g != NoFrame {
			return nil, fmt.Errorf("model: physical map: frames %d and %d share machine frame %#x", g, f, m)
		}
		p.enter(m, Frame(f))
	}
	return p, nil
}

// enter notes in the reverse table whose a machine frame is.
func (p *PhysMap) enter(m MFN, f Frame) {
	if p.sparse != nil {
		p.sparse[m] = f
		return
	}
	i := m - p.lo
	if p.wide == nil {
		p.m2p[i] = f
		return
	}
	piece := &p.wide[i/m2pLen]
	if *piece == p.none {
		own := *p.none
		*piece = &own
	}
	(*piece)[i%m2pLen] = f
}

// NewGrowingMap returns a map without frames, to which [PhysMap.Add] adds them: for
// machines of which only some frames ever matter.
func NewGrowingMap() *PhysMap {
	return &PhysMap{p2m: []MFN{}, sparse: map[MFN]Frame{}}
}

// Add returns the frame with a machine number, a new one of the guest's if there was none.
// States of the map's layout have to follow: [State.Grow].
func (p *PhysMap) Add(m MFN) Frame {
	if f := p.Frame(m); f != NoFrame {
		return f
	}
	f := Frame(len(p.p2m))
	p.p2m = append(p.p2m, m)
	p.sparse[m] = f
	p.guest, p.frames = len(p.p2m), len(p.p2m)
	return f
}

// index prepares an empty reverse table.
func (p *PhysMap) index() {
	lo, hi := p.p2m[0], p.p2m[0]
	for _, m := range p.p2m {
		lo, hi = min(lo, m), max(hi, m)
	}
	if hi-lo >= maxSpan {
		p.sparse = make(map[MFN]Frame, p.frames)
		return
	}
	if p.lo = lo; hi-lo < maxWhole {
		p.m2p = slices.Repeat([]Frame{NoFrame}, int(hi-lo+1))
		return
	}
	p.none = new(m2pPage)
	for i := range p.none {
		p.none[i] = NoFrame
	}
	p.wide = slices.Repeat([]*m2pPage{p.none}, int((hi-lo)/m2pLen+1))
}

// Frames is the number of frames, the guest's and others.
func (p *PhysMap) Frames() int { return p.frames }

// Guest is the number of frames that the guest owns: its PFNs are below it.
func (p *PhysMap) Guest() int { return p.guest }

// MFN returns the machine number of a frame.
func (p *PhysMap) MFN(f Frame) MFN {
	if p.p2m == nil {
		if p.high != 0 && MFN(f) >= p.low {
			return MFN(f) - p.low + p.high
		}
		return MFN(f)
	}
	return p.p2m[f]
}

// Frame returns the frame with a machine number, or NoFrame.
func (p *PhysMap) Frame(m MFN) Frame {
	if p.p2m == nil {
		return p.identity(m)
	}
	i := m - p.lo
	if i < MFN(len(p.m2p)) {
		return p.m2p[i]
	}
	if i/m2pLen < MFN(len(p.wide)) {
		return p.wide[i/m2pLen][i%m2pLen]
	}
	if f, ok := p.sparse[m]; ok {
		return f
	}
	return NoFrame
}

// identity is Frame of a bare machine.
func (p *PhysMap) identity(m MFN) Frame {
	switch {
	case p.high == 0 || m < p.low:
	case m < p.high:
		return NoFrame
	default:
		m -= p.high - p.low
	}
	if m < MFN(p.frames) {
		return Frame(m)
	}
	return NoFrame
}

// IsGuest reports whether a frame belongs to the guest.
func (p *PhysMap) IsGuest(f Frame) bool { return uint(f) < uint(p.guest) }
