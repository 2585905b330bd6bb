package model

import "encoding/binary"

// The packed form of a state: exact, and free of what other parts determine.
// Two states of one Layout are equal when their packed bytes are.
//
// It is made for tiny geometries, where machine frame numbers are small and
// tables have few words; larger values cost more bytes but are never lost.

// AppendPacked appends the packed state to dst.
func (s *State) AppendPacked(dst []byte) []byte {
	dst = s.packRegisters(dst)
	if s.L.Early != nil {
		dst = s.Kernel.Buffer.pack(dst)
	}
	dst = s.TLB.pack(dst)
	if s.other != nil {
		dst = s.other.pack(dst)
	}
	dst = s.packLife(dst)
	if s.info != nil {
		dst = s.packRecords(dst)
	}
	return s.packMemory(dst)
}

// Unpack makes s the state that AppendPacked wrote for the same Layout, and
// returns what follows it in src.
func (s *State) Unpack(src []byte) []byte {
	src = s.unpackRegisters(src)
	if s.L.Early != nil {
		src = s.Kernel.Buffer.unpack(src)
	}
	src = s.TLB.unpack(src)
	if s.other != nil {
		src = s.other.unpack(src)
		s.other.CPU.CR4, s.other.CPU.NXE = s.CPU.CR4, s.CPU.NXE
	}
	src = s.unpackLife(src)
	if s.info != nil {
		src = s.unpackRecords(src)
	}
	src = s.unpackMemory(src)
	s.Commit()
	return src
}

func putFrame(dst []byte, f Frame) []byte { return binary.AppendUvarint(dst, uint64(f+1)) }

func takeFrame(src []byte) (Frame, []byte) {
	v, n := binary.Uvarint(src)
	return Frame(v) - 1, src[n:]
}

func bit(b bool, n uint) byte {
	if b {
		return 1 << n
	}
	return 0
}

func (s *State) packRegisters(dst []byte) []byte {
	c, k := &s.CPU, &s.Kernel
	dst = append(dst,
		byte(k.Phase)|byte(k.SetPTE)<<3|byte(k.AllocPT)<<5,
		bit(k.Global, 0)|bit(k.SharedMapped, 1)|bit(k.SecondPinned, 2)|bit(c.NXE, 3)|bit(c.WP, 4)|
			bit(c.CR4&CR4PSE != 0, 5)|bit(c.CR4&CR4PAE != 0, 6)|bit(c.CR4&CR4PGE != 0, 7))
	dst = binary.AppendUvarint(dst, uint64(k.BootmemNext))
	for _, f := range [...]Frame{k.InitMM, k.XenCR3, k.Second, c.CR3, c.UserCR3} {
		dst = putFrame(dst, f)
	}
	if s.info != nil {
		some := !s.ties.none()
		dst = append(dst, byte(len(s.GDT))|bit(some, 7))
		for _, f := range s.GDT {
			dst = putFrame(dst, f)
		}
		if some {
			dst = s.ties.pack(dst)
		}
	}
	return dst
}

func (s *State) unpackRegisters(src []byte) []byte {
	c, k := &s.CPU, &s.Kernel
	a, b := src[0], src[1]
	k.Phase, k.SetPTE, k.AllocPT = Phase(a&7), Variant(a>>3&3), Variant(a>>5&3)
	k.Global, k.SharedMapped, k.SecondPinned = b&1 != 0, b&2 != 0, b&4 != 0
	c.NXE, c.WP, c.CR4 = b&8 != 0, b&16 != 0, 0
	if b&32 != 0 {
		c.CR4 |= CR4PSE
	}
	if b&64 != 0 {
		c.CR4 |= CR4PAE
	}
	if b&128 != 0 {
		c.CR4 |= CR4PGE
	}
	v, n := binary.Uvarint(src[2:])
	k.BootmemNext, src = PFN(v), src[2+n:]
	k.InitMM, src = takeFrame(src)
	k.XenCR3, src = takeFrame(src)
	k.Second, src = takeFrame(src)
	c.CR3, src = takeFrame(src)
	c.UserCR3, src = takeFrame(src)
	if s.info == nil {
		return src
	}
	gdt, some := int(src[0]&0x7f), src[0]&0x80 != 0
	src = src[1:]
	s.GDT = s.GDT[:0]
	for range gdt {
		var f Frame
		f, src = takeFrame(src)
		s.GDT = append(s.GDT, f)
	}
	s.ties.reset()
	if some {
		src = s.ties.unpack(src)
	}
	return src
}

// pack writes what a processor has of its own; the modes of all processors are
// the same.
func (p *Processor) pack(dst []byte) []byte {
	for _, f := range [...]Frame{p.XenCR3, p.CPU.CR3, p.CPU.UserCR3} {
		dst = putFrame(dst, f)
	}
	return p.TLB.pack(dst)
}

func (p *Processor) unpack(src []byte) []byte {
	p.XenCR3, src = takeFrame(src)
	p.CPU.CR3, src = takeFrame(src)
	p.CPU.UserCR3, src = takeFrame(src)
	return p.TLB.unpack(src)
}

func (t *TLB) pack(dst []byte) []byte {
	if !t.Sticky {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(t.entries)+1))
	for _, e := range t.entries {
		dst = binary.AppendUvarint(dst, uint64(e.page>>PageShift))
		dst = append(putFrame(dst, e.frame), bit(e.write, 0)|bit(e.glob, 1))
	}
	return dst
}

func (t *TLB) unpack(src []byte) []byte {
	v, k := binary.Uvarint(src)
	n, src := int(v), src[k:]
	t.Sticky, t.entries = n > 0, t.entries[:0]
	for range n - 1 {
		v, k := binary.Uvarint(src)
		e := tlbEntry{page: VA(v) << PageShift}
		e.frame, src = takeFrame(src[k:])
		e.write, e.glob = src[0]&1 != 0, src[0]&2 != 0
		t.entries = append(t.entries, e)
		src = src[1:]
	}
	return src
}

// idle reports whether a record says no more than that the frame is the
// guest's and unused. While no TLB can hold anything, the type of a frame's
// last use does not matter.
func (s *State) idle(i *FrameInfo) bool {
	return i.T == 0 && i.G == 1 && i.Flags&^(Validated|PAEXenL2) == Allocated && i.Linear == 0 &&
		i.NrValid == 0 && i.Typ != TypeSegDesc && (!s.TLB.Sticky || i.Typ == TypeNone)
}

// packRecords writes the hypervisor's record of each frame, one zero byte for an
// idle one. What a frame was last used as is left out where nothing can depend
// on it. Of the TLB clock only the outcomes of its comparisons are kept: which
// processors have not been flushed since the frame's last use ended. Of two, one
// was flushed before the other, so these are none, that one, or both; which one it
// is comes first.
func (s *State) packRecords(dst []byte) []byte {
	if s.other != nil {
		dst = append(dst, bit(s.other.flushed < s.flushed && s.partlyStale(), 0))
	}
	for f := range s.info {
		i := &s.info[f]
		if s.idle(i) {
			dst = append(dst, 0)
			continue
		}
		typ, flags := i.Typ, i.Flags
		if i.T == 0 && !s.TLB.Sticky && typ != TypeSegDesc && flags&Partial == 0 {
			typ, flags = TypeNone, flags&^(Validated|PAEXenL2)
		}
		stale := s.staleness(i.Stamp)
		more := i.Linear != 0 || i.NrValid != 0
		dst = append(dst, 1|byte(typ)<<1|stale<<4|bit(more, 6), byte(flags))
		dst = binary.AppendUvarint(dst, uint64(i.T))
		dst = binary.AppendUvarint(dst, uint64(i.G))
		if more {
			dst = binary.AppendVarint(dst, int64(i.Linear))
			dst = binary.AppendUvarint(dst, uint64(i.NrValid))
		}
	}
	return dst
}

// staleness is how many processors have not been flushed since a stamp.
func (s *State) staleness(stamp uint32) byte {
	if !s.TLB.Sticky {
		return 0
	}
	n := bit(s.flushed <= stamp, 0)
	if s.other != nil {
		n += bit(s.other.flushed <= stamp, 0)
	}
	return n
}

// partlyStale reports whether a frame is stale on one processor alone.
func (s *State) partlyStale() bool {
	for f := range s.info {
		if s.staleness(s.info[f].Stamp) == 1 {
			return true
		}
	}
	return false
}

func (s *State) unpackRecords(src []byte) []byte {
	s.clock, s.flushed = 1, 1
	if s.other != nil {
		// A stamp of 1 precedes the later of the two flushes, 2 is after both.
		first := uint32(src[0])
		s.clock, s.flushed, s.other.flushed = 2, 1+first, 2-first
		src = src[1:]
	}
	for f := range s.info {
		a := src[0]
		if a == 0 {
			s.info[f] = FrameInfo{Flags: Allocated, G: 1}
			src = src[1:]
			continue
		}
		i := FrameInfo{Typ: Type(a >> 1 & 7), Flags: FrameFlags(src[1]), Stamp: uint32(a >> 4 & 3)}
		t, n := binary.Uvarint(src[2:])
		src = src[2+n:]
		g, n := binary.Uvarint(src)
		src = src[n:]
		i.T, i.G = uint32(t), uint32(g)
		if a&64 != 0 {
			l, n := binary.Varint(src)
			src = src[n:]
			v, n := binary.Uvarint(src)
			src = src[n:]
			i.Linear, i.NrValid = int16(l), uint16(v)
		}
		s.info[f] = i
	}
	return src
}

// Tags of a packed memory word.
const (
	wordZero  = iota // zero
	wordSmall        // three bytes hold it, see smallWord
	wordPair         // two 32-bit halves of three bytes each
	wordRaw          // eight bytes
)

// smallWord squeezes an entry with a frame number below 1024 and no flags but
// the low twelve, GuestKernel and NX into 24 bits.
func smallWord(w uint64) (uint32, bool) {
	const plain = 1<<22 - 1
	e := Entry(w)
	if e&^(plain|GuestKernel|NX) != 0 {
		return 0, false
	}
	v := uint32(e & plain)
	if e.Is(GuestKernel) {
		v |= 1 << 22
	}
	if e.Is(NX) {
		v |= 1 << 23
	}
	return v, true
}

func bigWord(v uint32) uint64 {
	e := Entry(v & (1<<22 - 1))
	if v&(1<<22) != 0 {
		e |= GuestKernel
	}
	if v&(1<<23) != 0 {
		e |= NX
	}
	return uint64(e)
}

func put24(dst []byte, v uint32) []byte {
	return append(dst, byte(v), byte(v>>8), byte(v>>16))
}

func take24(src []byte) uint32 {
	return uint32(src[0]) | uint32(src[1])<<8 | uint32(src[2])<<16
}

// packMemory writes, for every frame, two bits a word that say how it is
// written, then the words that are not zero.
func (s *State) packMemory(dst []byte) []byte {
	n := s.L.words()
	for _, p := range s.pages {
		if isZero(p) {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, 1)
		tags := len(dst)
		for range (n + 3) / 4 {
			dst = append(dst, 0)
		}
		for i, w := range p {
			var tag byte
			dst, tag = packWord(dst, w)
			dst[tags+i/4] |= tag << (2 * (i % 4))
		}
	}
	return dst
}

func isZero(p []uint64) bool {
	for _, w := range p {
		if w != 0 {
			return false
		}
	}
	return true
}

func packWord(dst []byte, w uint64) ([]byte, byte) {
	if w == 0 {
		return dst, wordZero
	}
	if v, ok := smallWord(w); ok {
		return put24(dst, v), wordSmall
	}
	lo, ok1 := smallWord(uint64(uint32(w)))
	hi, ok2 := smallWord(w >> 32)
	if ok1 && ok2 {
		return put24(put24(dst, lo), hi), wordPair
	}
	return binary.LittleEndian.AppendUint64(dst, w), wordRaw
}

func (s *State) unpackMemory(src []byte) []byte {
	n := s.L.words()
	for f := range s.pages {
		if src[0] == 0 {
			clear(s.pages[f])
			src = src[1:]
			continue
		}
		if s.pages[f] == nil {
			s.pages[f] = make([]uint64, n)
		}
		tags := src[1:]
		src = src[1+(n+3)/4:]
		for i := range n {
			s.pages[f][i], src = unpackWord(src, tags[i/4]>>(2*(i%4))&3)
		}
	}
	return src
}

func unpackWord(src []byte, tag byte) (uint64, []byte) {
	switch tag {
	case wordSmall:
		return bigWord(take24(src)), src[3:]
	case wordPair:
		return bigWord(take24(src)) | bigWord(take24(src[3:]))<<32, src[6:]
	case wordRaw:
		return binary.LittleEndian.Uint64(src), src[8:]
	}
	return 0, src
}
