package pvdp

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// packer turns an adversary's working state into bytes and back. Each frame is
// packed by itself, so that after an operation only the frames that it touched
// need be packed again.
type packer struct {
	layout layoutBits
	codes  []model.Entry // entry flags by code, the alphabet's first
	codeOf []uint8       // the reverse, for flags of the low twelve bits; 0xff: none
	values []model.Entry // entries by number

	// base are the packed frames of the state last decoded, base64 all of it if
	// it fits one word.
	base   [MaxFrames]packedFrame
	base64 uint64
}

// packedFrame is a frame's contents and the hypervisor's record of it.
type packedFrame struct{ content, record uint64 }

// layoutBits says how many bits the parts of a packed state take.
type layoutBits struct {
	entry, count, frame uint // an entry's number, a count, a frame or none
	content, record     uint // a frame's contents, its record
	wide                bool // with general counts, linear counts, flags, user root and GDT
	total               uint
	bytes               int
}

func (a *Guest) measure() layoutBits {
	var b layoutBits
	b.entry = uint(bits.Len(uint(a.frames * len(a.allFlags())))) // 0 is the empty entry
	// At most every slot, every pin and both registers refer to one frame.
	b.count = uint(bits.Len(uint(a.frames*a.slots + 4)))
	b.frame = uint(bits.Len(uint(a.frames)))
	b.content = uint(a.slots) * b.entry
	b.record = 3 + b.count + 1
	b.total = b.frame
	if b.wide = !a.profile.NoLinear; b.wide {
		b.record = 3 + b.count + b.count + 1 + 5 + 4 + 6
		b.total += b.frame + uint(a.frames)
	}
	b.total += uint(a.frames) * (b.content + b.record)
	b.bytes = int(b.total+7) / 8
	return b
}

// allFlags are the alphabet's flags and those of the start of the day.
func (a *Guest) allFlags() []model.Entry {
	out := append([]model.Entry(nil), a.flags...)
next:
	for _, e := range [...]model.Entry{model.Present, model.Present | model.RW} {
		for _, have := range out {
			if have == e {
				continue next
			}
		}
		out = append(out, e)
	}
	return out
}

func newPacker(a *Guest) packer {
	p := packer{layout: a.code, codes: a.allFlags(), values: []model.Entry{0}}
	p.codeOf = bytes.Repeat([]byte{0xff}, model.PageSize)
	for i, c := range p.codes {
		if c < model.PageSize {
			p.codeOf[c] = uint8(i)
		}
	}
	for f := range a.frames {
		for _, flags := range p.codes {
			p.values = append(p.values, model.MakeEntry(model.MFN(f), flags))
		}
	}
	return p
}

// number is an entry's number: 0 for the empty one, then by frame and flags.
func (p *packer) number(e model.Entry) uint64 {
	if e == 0 {
		return 0
	}
	code := p.codeOf[e&(model.PageSize-1)]
	if e.Flags() >= model.PageSize || code == 0xff {
		code = p.rareCode(e)
	}
	return 1 + uint64(e.MFN())*uint64(len(p.codes)) + uint64(code)
}

// rareCode finds the code of flags beyond the low twelve bits.
func (p *packer) rareCode(e model.Entry) uint8 {
	for i, c := range p.codes {
		if c == e.Flags() {
			return uint8(i)
		}
	}
	panic("pvdp: an entry has flags outside the alphabet")
}

// frame packs one frame.
func (p *packer) frame(m *Model, f model.Frame) packedFrame {
	return packedFrame{p.content(m, f), p.info(m.s.InfoAt(f))}
}

// content packs a frame's entries.
func (p *packer) content(m *Model, f model.Frame) (w uint64) {
	words := m.s.Words(f)
	for slot := m.a.slots - 1; slot >= 0; slot-- {
		w <<= p.layout.entry
		if e := model.Entry(words[slot]); e != 0 {
			w |= p.number(e)
		}
	}
	return w
}

// info packs a frame's record. The type of a frame that nobody uses means
// nothing, unless its audit is still good or half done.
func (p *packer) info(i *model.FrameInfo) uint64 {
	b := &p.layout
	typ, flags := i.Typ, i.Flags
	if i.T == 0 && flags&(model.Partial|model.PartialEntry) == 0 && typ != model.TypeSegDesc {
		typ = model.TypeNone
		flags &^= model.Validated | model.PAEXenL2
	}
	w := uint64(typ) | uint64(i.T)<<3
	n := 3 + b.count
	if !b.wide {
		if i.Is(model.Pinned) {
			w |= 1 << n
		}
		return w
	}
	w |= uint64(i.G) << n
	n += b.count + 1
	w |= uint64(i.Linear+16) << n
	w |= uint64(i.NrValid) << (n + 5)
	return w | uint64(flags)<<(n+9)
}

// record unpacks what info packed.
func (p *packer) record(w uint64) model.FrameInfo {
	b := &p.layout
	i := model.FrameInfo{Typ: model.Type(w & 7), T: uint32(w >> 3 & (1<<b.count - 1))}
	n := 3 + b.count
	if b.wide {
		i.G = uint32(w >> n & (1<<(b.count+1) - 1))
		n += b.count + 1
		i.Linear = int16(w>>n&31) - 16
		i.NrValid = uint16(w >> (n + 5) & 15)
		i.Flags = model.FrameFlags(w >> (n + 9) & 63)
		return i
	}
	// General references are not counted: every frame stays the guest's.
	const plenty = 1 << 20
	i.Flags, i.G = model.Allocated, plenty
	if w>>n&1 != 0 {
		i.Flags |= model.Pinned
	}
	if i.T > 0 {
		i.Flags |= model.Validated
	}
	return i
}

// rebase packs every frame of the working state.
func (p *packer) rebase(m *Model) {
	for f := range m.a.frames {
		p.base[f] = p.frame(m, model.Frame(f))
	}
	p.base64 = p.joined(m.a.frames)
}

// joined puts the base frames into one word, as far as they fit.
func (p *packer) joined(frames int) uint64 {
	var w uint64
	at := p.layout.frame
	for f := range frames {
		w |= p.base[f].content<<at | p.base[f].record<<(at+p.layout.content)
		at += p.layout.content + p.layout.record
	}
	return w
}

// packedState is a whole state before it becomes bytes.
type packedState struct {
	cr3, user model.Frame
	frames    [MaxFrames]packedFrame
	gdt       uint64 // by bit
}

// write appends the bytes of a state of n frames.
func (p *packer) write(dst []byte, s *packedState, n int) []byte {
	b := &p.layout
	w := bitWriter{dst: dst}
	w.put(uint64(s.cr3), b.frame)
	for f := range n {
		w.put(s.frames[f].content, b.content)
		w.put(s.frames[f].record, b.record)
	}
	if b.wide {
		w.put(uint64(s.user+1), b.frame)
		w.put(s.gdt, uint(n))
	}
	return w.done()
}

// StateSize is the length of a packed state in bytes.
func (m *Model) StateSize() int { return m.a.code.bytes }

// Encode appends the packed state.
func (m *Model) Encode(dst []byte) []byte {
	p := &m.pack
	b := &p.layout
	if b.total > 64 || b.wide {
		return m.encodeLong(dst)
	}
	n := len(dst)
	return binary.LittleEndian.AppendUint64(dst, m.word())[:n+b.bytes]
}

// word is the packed state of an adversary whose states fit one word.
func (m *Model) word() uint64 {
	p := &m.pack
	b := &p.layout
	w := p.base64
	size := b.content + b.record
	for set := m.s.ChangedFrames(); set != 0; set &= set - 1 {
		f := bits.TrailingZeros64(set)
		at := b.frame + uint(f)*size + b.content
		w ^= (p.info(m.s.InfoAt(model.Frame(f))) ^ p.base[f].record) << at
	}
	for set := m.s.StoredFrames(); set != 0; set &= set - 1 {
		f := bits.TrailingZeros64(set)
		w ^= (p.content(m, model.Frame(f)) ^ p.base[f].content) << (b.frame + uint(f)*size)
	}
	return w | uint64(m.s.CPU.CR3)
}

// StepWords is Apply, Encode and Restore in one, for states of at most 16 bytes.
func (m *Model) StepWords(code uint64) (lo, hi uint64, o explore.Outcome) {
	o = m.Apply(code)
	if o.Kind == explore.Skipped && !m.s.Changed() {
		return 0, 0, o // nothing to take back
	}
	if o.Kind == explore.Moved {
		if b := &m.pack.layout; b.total > 64 || b.wide {
			m.encodeLong(m.long[:0])
			lo, hi = binary.LittleEndian.Uint64(m.long[:]), binary.LittleEndian.Uint64(m.long[8:])
		} else {
			lo = m.word()
		}
	}
	m.Restore()
	return lo, hi, o
}

// encodeLong is Encode for states of more than one word.
func (m *Model) encodeLong(dst []byte) []byte {
	p := &m.pack
	s := packedState{cr3: m.s.CPU.CR3, user: m.s.CPU.UserCR3, frames: p.base}
	for set := m.s.ChangedFrames(); set != 0; set &= set - 1 {
		f := bits.TrailingZeros64(set)
		s.frames[f] = p.frame(m, model.Frame(f))
	}
	for _, f := range m.s.GDT {
		s.gdt |= 1 << uint(f)
	}
	return p.write(dst, &s, m.a.frames)
}

// Decode makes a packed state the working state. Frames that are as in the state
// decoded before stay.
func (m *Model) Decode(src []byte) {
	p := &m.pack
	b := &p.layout
	m.s.Undo()
	if b.total <= 64 && !b.wide {
		m.decodeWord(src)
		return
	}
	r := bitReader{src: src}
	m.s.CPU.CR3 = model.Frame(r.take(b.frame))
	for f := range m.a.frames {
		now := packedFrame{r.take(b.content), r.take(b.record)}
		if now != p.base[f] {
			p.base[f] = now
			m.place(model.Frame(f), now)
		}
	}
	if b.wide {
		m.s.GDT = m.s.GDT[:0]
		m.s.CPU.UserCR3 = model.Frame(r.take(b.frame)) - 1
		for f := range m.a.frames {
			if r.take(1) != 0 {
				m.s.GDT = append(m.s.GDT, model.Frame(f))
			}
		}
	}
	m.save()
}

// decodeWord is Decode for states of one word.
func (m *Model) decodeWord(src []byte) {
	p := &m.pack
	b := &p.layout
	var buf [8]byte
	copy(buf[:], src[:b.bytes])
	w := binary.LittleEndian.Uint64(buf[:])
	m.s.CPU.CR3 = model.Frame(w & (1<<b.frame - 1))
	p.base64 = w &^ (1<<b.frame - 1)
	w >>= b.frame
	for f := range m.a.frames {
		now := packedFrame{w & (1<<b.content - 1), w >> b.content & (1<<b.record - 1)}
		w >>= b.content + b.record
		if now != p.base[f] {
			p.base[f] = now
			m.place(model.Frame(f), now)
		}
	}
	m.save()
}

// place unpacks one frame.
func (m *Model) place(f model.Frame, p packedFrame) {
	for slot := range m.a.slots {
		m.s.SetPlain(f, slot, uint64(m.pack.values[p.content&(1<<m.pack.layout.entry-1)]))
		p.content >>= m.pack.layout.entry
	}
	m.s.SetInfo(f, m.pack.record(p.record))
}
