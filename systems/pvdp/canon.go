package pvdp

import (
	"math/bits"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

var _ explore.Orbiter = (*Model)(nil)

// Symmetry of an adversary. Its frames play no distinguished part: renaming them
// everywhere, in entries, registers and records, maps operations to operations.
// Under rules that know no same-level entries and leave nothing behind, the
// slots of a table may be renamed too, because an audit succeeds or fails by the
// set of its entries alone.
//
// The representative of a class is found by refinement: each frame gets a
// signature that does not depend on names, frames are ordered by it, and only
// frames with equal signatures are tried in every order.

// canonizer holds the scratch of Canon.
type canonizer struct {
	slots   bool // slots are interchangeable too
	flagOf  []uint8
	frameOf []uint8

	now    [MaxFrames]packedFrame
	regs   [MaxFrames]uint8 // by frame: bit 0 CR3, bit 1 user root, bit 2 GDT
	sig    [MaxFrames]uint64
	in     [MaxFrames]uint64
	order  [MaxFrames]uint8 // order[i] is the frame at place i
	place  [MaxFrames]uint8 // the reverse
	best   canonState
	trial  canonState
	number int
	same   uint64 // orders that give the least state, ties of no consequence apart
}

// canonState is a state in new names.
type canonState struct {
	frames [MaxFrames]packedFrame
	regs   [MaxFrames]uint8
}

func newCanonizer(a *Guest, p *packer) canonizer {
	c := canonizer{slots: a.slotSymmetry, number: a.frames}
	n := len(p.codes)
	for v := range p.values {
		f, flag := 0, 0
		if v > 0 {
			f, flag = (v-1)/n, (v-1)%n
		}
		c.frameOf, c.flagOf = append(c.frameOf, uint8(f)), append(c.flagOf, uint8(flag+1))
	}
	return c
}

// Canon appends the packed representative of the working state's class.
func (m *Model) Canon(dst []byte) []byte {
	c := &m.canon
	c.load(m)
	c.refine(m)
	c.sort()
	c.choose(m)
	return m.writeCanon(dst)
}

// canonWord is Canon of a state that fits a word: of its packed form.
func (m *Model) canonWord(word uint64) uint64 {
	c := &m.canon
	c.loadWord(&m.pack.layout, word)
	c.refine(m)
	c.sort()
	c.choose(m)
	b := &m.pack.layout
	var out uint64
	for f, at := 0, b.frame; f < c.number; f++ {
		out |= c.best.frames[f].content<<at | c.best.frames[f].record<<(at+b.content)
		at += b.content + b.record
		if c.best.regs[f]&1 != 0 {
			out |= uint64(f)
		}
	}
	return out
}

// loadWord is load from a packed state.
func (c *canonizer) loadWord(b *layoutBits, word uint64) {
	cr3 := int(word & (1<<b.frame - 1))
	word >>= b.frame
	for f := range c.number {
		c.now[f] = packedFrame{word & (1<<b.content - 1), word >> b.content & (1<<b.record - 1)}
		word >>= b.content + b.record
		c.regs[f] = 0
	}
	c.regs[cr3] = 1
}

// load packs the frames and collects what the registers name.
func (c *canonizer) load(m *Model) {
	changed := m.s.ChangedFrames()
	for f := range c.number {
		c.now[f] = m.pack.base[f]
		if changed>>uint(f)&1 != 0 {
			c.now[f] = m.pack.frame(m, model.Frame(f))
		}
		c.regs[f] = 0
	}
	c.regs[m.s.CPU.CR3] |= 1
	if m.s.CPU.UserCR3 != model.NoFrame {
		c.regs[m.s.CPU.UserCR3] |= 2
	}
	for _, f := range m.s.GDT {
		c.regs[f] |= 4
	}
}

func mix(x uint64) uint64 {
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	return x
}

// refine computes signatures: first of what a frame is, then twice of what it
// refers to and what refers to it.
func (c *canonizer) refine(m *Model) {
	for f := range c.number {
		c.sig[f] = mix(c.now[f].record<<3 | uint64(c.regs[f]) + 1)
	}
	for range 2 {
		c.refineOnce(m)
	}
}

func (c *canonizer) refineOnce(m *Model) {
	width := m.pack.layout.entry
	var out [MaxFrames]uint64
	clear(c.in[:c.number])
	for f := range c.number {
		content := c.now[f].content
		for slot := uint64(1); content != 0; slot++ {
			v := content & (1<<width - 1)
			content >>= width
			if v == 0 {
				continue
			}
			at := slot
			if c.slots {
				at = 1
			}
			to, label := c.frameOf[v], uint64(c.flagOf[v])<<8|at
			if int(to) == f {
				out[f] += mix(label + 0x9e3779b97f4a7c15)
				continue
			}
			out[f] += mix(c.sig[to] + label)
			c.in[to] += mix(c.sig[f] ^ label<<32)
		}
	}
	for f := range c.number {
		c.sig[f] = mix(c.sig[f] + 3*out[f] + 5*bits.RotateLeft64(c.in[f], 17))
	}
}

// sort orders the frames by signature.
func (c *canonizer) sort() {
	for i := range c.number {
		j := i
		for j > 0 && c.sig[c.order[j-1]] > c.sig[i] {
			c.order[j] = c.order[j-1]
			j--
		}
		c.order[j] = uint8(i)
	}
}

// choose settles the order of frames with equal signatures: the one that gives
// the least packed state.
func (c *canonizer) choose(m *Model) {
	first := true
	c.permute(m, 0, &first)
}

// permute tries every order of the ties from place i on.
func (c *canonizer) permute(m *Model, i int, first *bool) {
	for i < c.number {
		end := i + 1
		for end < c.number && c.sig[c.order[end]] == c.sig[c.order[i]] {
			end++
		}
		if end-i > 1 && !c.alike(i, end) {
			c.permuteTie(m, i, end, i, first)
			return
		}
		i = end
	}
	c.try(m, first)
}

// permuteTie tries every order of the frames at places [at, end), then goes on
// behind them.
func (c *canonizer) permuteTie(m *Model, from, end, at int, first *bool) {
	if at == end {
		c.permute(m, end, first)
		return
	}
	for j := at; j < end; j++ {
		c.order[at], c.order[j] = c.order[j], c.order[at]
		c.permuteTie(m, from, end, at+1, first)
		c.order[at], c.order[j] = c.order[j], c.order[at]
	}
}

// alike reports whether tied frames are so simple that their order cannot
// matter: nothing in them, nothing that refers to them.
func (c *canonizer) alike(from, end int) bool {
	for _, f := range c.order[from:end] {
		if c.now[f].content != 0 || c.in[f] != 0 || c.regs[f] != 0 || c.now[f].record != c.now[c.order[from]].record {
			return false
		}
	}
	return true
}

// try renames the state by the current order and keeps it if it is the least.
func (c *canonizer) try(m *Model, first *bool) {
	for i, f := range c.order[:c.number] {
		c.place[f] = uint8(i)
	}
	t := &c.trial
	if *first {
		t = &c.best
	}
	for i, f := range c.order[:c.number] {
		t.frames[i] = packedFrame{c.rename(m, c.now[f].content), c.now[f].record}
		t.regs[i] = c.regs[f]
	}
	switch {
	case *first:
		*first, c.same = false, 1
	case t.less(&c.best, c.number):
		c.best, c.same = *t, 1
	case !c.best.less(t, c.number):
		c.same++
	}
}

// rename rewrites a frame's contents in new names, its slots in ascending order
// where they are interchangeable.
func (c *canonizer) rename(m *Model, content uint64) uint64 {
	if content == 0 {
		return 0
	}
	width, codes := m.pack.layout.entry, uint64(len(m.pack.codes))
	var v [maxSlots]uint64
	n := m.a.slots
	for slot := range n {
		x := content >> (uint(slot) * width) & (1<<width - 1)
		if x != 0 {
			x = 1 + uint64(c.place[c.frameOf[x]])*codes + uint64(c.flagOf[x]-1)
		}
		at := slot
		for c.slots && at > 0 && v[at-1] > x {
			v[at] = v[at-1]
			at--
		}
		v[at] = x
	}
	var out uint64
	for slot := n - 1; slot >= 0; slot-- {
		out = out<<width | v[slot]
	}
	return out
}

// Orbit is the number of states in the working state's class, 0 if that is too
// many to count, or not wanted.
func (m *Model) Orbit() uint64 {
	const most = 6 // with more frames or slots the numbers could overflow
	c := &m.canon
	if !m.a.CountOrbits || c.number > most || m.a.slots > most/2 {
		return 0
	}
	c.load(m)
	c.refine(m)
	c.sort()
	c.choose(m)
	group, fixed := factorial(c.number), c.same
	for i := 0; i < c.number; {
		end := i + 1
		for end < c.number && c.sig[c.order[end]] == c.sig[c.order[i]] {
			end++
		}
		if c.alike(i, end) {
			fixed *= factorial(end - i)
		}
		i = end
	}
	if c.slots {
		for f := range c.number {
			group *= factorial(m.a.slots)
			fixed *= m.slotsFixed(c.now[f].content)
		}
	}
	return group / fixed
}

// slotsFixed is the number of orders of a frame's slots that leave it as it is.
func (m *Model) slotsFixed(content uint64) uint64 {
	width := m.pack.layout.entry
	n := uint64(1)
	for slot := range m.a.slots {
		v, equal := content>>(uint(slot)*width)&(1<<width-1), 1
		for before := range slot {
			if content>>(uint(before)*width)&(1<<width-1) == v {
				equal++
			}
		}
		n *= uint64(equal)
	}
	return n
}

func factorial(n int) uint64 {
	f := uint64(1)
	for i := 2; i <= n; i++ {
		f *= uint64(i)
	}
	return f
}

func (s *canonState) less(o *canonState, n int) bool {
	for i := range n {
		if s.frames[i] != o.frames[i] {
			if s.frames[i].content != o.frames[i].content {
				return s.frames[i].content < o.frames[i].content
			}
			return s.frames[i].record < o.frames[i].record
		}
		if s.regs[i] != o.regs[i] {
			return s.regs[i] < o.regs[i]
		}
	}
	return false
}

// writeCanon packs the representative.
func (m *Model) writeCanon(dst []byte) []byte {
	c := &m.canon
	s := packedState{cr3: model.NoFrame, user: model.NoFrame}
	for f := range c.number {
		s.frames[f] = c.best.frames[f]
		r := c.best.regs[f]
		if r&1 != 0 {
			s.cr3 = model.Frame(f)
		}
		if r&2 != 0 {
			s.user = model.Frame(f)
		}
		s.gdt |= uint64(r>>2) << uint(f)
	}
	return m.pack.write(dst, &s, c.number)
}
