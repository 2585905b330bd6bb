package model

import "encoding/binary"

// The packed form of what a booted kernel remembers: nothing at all where the
// layout has no life after boot.

func (s *State) packLife(dst []byte) []byte {
	if s.L.Life == nil {
		return dst
	}
	l := &s.Kernel.Life
	large := s.L.hasMany()
	for _, set := range [...]*FrameSet{&l.Free, &l.Pinned, &l.List, &l.Saved} {
		dst = set.packMore(binary.AppendUvarint(dst, set.low), large)
	}
	dst = l.Refs.pack(dst, large)
	for i := range s.L.Life.MMs {
		mm := &l.MM[i]
		dst = putFrame(putFrame(dst, mm.Root), mm.User)
		dst = append(dst, bit(mm.Ready, 0)|bit(mm.Dead, 1))
	}
	for i := range s.Processors() {
		dst = l.CPU[i].pack(dst)
	}
	dst = append(dst, byte(l.LDT+1)|bit(l.Suspended, 3)|bit(l.Synced, 4)|l.KmapCount<<5)
	dst = putFrame(putFrame(dst, l.VPage), l.Kmap)
	return s.packLDT(dst)
}

func (c *LifeCPU) pack(dst []byte) []byte {
	dst = putFrame(append(dst, byte(c.Current+1)|byte(c.Lazy)<<4, byte(c.Queued)), c.Pending)
	for _, item := range c.Queue[:c.Queued] {
		dst = binary.AppendUvarint(dst, item.Ptr)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(item.Val))
	}
	return dst
}

func (c *LifeCPU) unpack(src []byte) []byte {
	c.Current, c.Lazy, c.Queued = int8(src[0]&15)-1, LazyMode(src[0]>>4), int8(src[1])
	c.Pending, src = takeFrame(src[2:])
	for i := range c.Queue[:c.Queued] {
		v, n := binary.Uvarint(src)
		c.Queue[i] = MMUItem{Ptr: v, Val: Entry(binary.LittleEndian.Uint64(src[n:]))}
		src = src[n+8:]
	}
	return src
}

func (s *State) unpackLife(src []byte) []byte {
	if s.L.Life == nil {
		return src
	}
	l := &s.Kernel.Life
	l.Reset()
	large := s.L.hasMany()
	for _, set := range [...]*FrameSet{&l.Free, &l.Pinned, &l.List, &l.Saved} {
		v, n := binary.Uvarint(src)
		set.low = v
		src = set.unpackMore(src[n:], large)
	}
	src = l.Refs.unpack(src, large)
	for i := range s.L.Life.MMs {
		mm := &l.MM[i]
		mm.Root, src = takeFrame(src)
		mm.User, src = takeFrame(src)
		mm.Ready, mm.Dead = src[0]&1 != 0, src[0]&2 != 0
		mm.Leaving = mm.Dead
		src = src[1:]
	}
	for i := range s.Processors() {
		src = l.CPU[i].unpack(src)
	}
	l.LDT, l.Suspended, l.Synced, l.KmapCount = int8(src[0]&7)-1, src[0]&8 != 0, src[0]&16 != 0, src[0]>>5
	src = src[1:]
	l.VPage, src = takeFrame(src)
	l.Kmap, src = takeFrame(src)
	return s.unpackLDT(src)
}
