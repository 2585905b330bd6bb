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
		dst = s.Kernel.Buffer.pack(dst, s.L.hasMany())
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
		src = s.Kernel.Buffer.unpack(src, s.L.hasMany())
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
		some := !s.dealings.none()
		dst = append(dst, byte(len(s.GDT))|bit(s.strictM2P, 5)|bit(s.storesOff, 6)|bit(some, 7))
		for _, f := range s.GDT {
			dst = putFrame(dst, f)
		}
		if some {
			dst = s.dealings.pack(dst)
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
	gdt, some := int(src[0]&0x1f), src[0]&0x80 != 0
	s.strictM2P, s.storesOff = src[0]&0x20 != 0, src[0]&0x40 != 0
	src = src[1:]
	s.GDT = s.GDT[:0]
	for range gdt {
		var f Frame
		f, src = takeFrame(src)
		s.GDT = append(s.GDT, f)
	}
	s.dealings.reset()
	if some {
		src = s.dealings.unpack(src)
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
		dst = append(putFrame(dst, e.frame), bit(e.write, 0)|bit(e.glob, 1)|bit(e.user, 2))
	}
	return dst
}

func (t *TLB) unpack(src []byte) []byte {
	v, k := binary.Uvarint(src)
	n, src := int(v), src[k:]
	t.Sticky, t.entries = n > 0, t.entries[:0]
	t.renewed()
	for range n - 1 {
		v, k := binary.Uvarint(src)
		e := tlbEntry{page: VA(v) << PageShift}
		e.frame, src = takeFrame(src[k:])
		e.write, e.glob, e.user = src[0]&1 != 0, src[0]&2 != 0, src[0]&4 != 0
		t.entries = append(t.entries, e)
		src = src[1:]
	}
	return src
}
