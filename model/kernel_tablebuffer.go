package model

import "encoding/binary"

// TableBuffer is what kernels of 2.6.39 and later remember while they extend the
// direct map. It is empty, and not packed, in the 2007 protocol.
type TableBuffer struct {
	// Start, End and Top are pgt_buf_start, pgt_buf_end and pgt_buf_top: tables are
	// taken from [Start, Top), the next one is End. They keep their values when the
	// buffer is closed.
	Start, End, Top PFN
	// MinMapped and MaxMapped are min_pfn_mapped and max_pfn_mapped.
	MinMapped, MaxMapped PFN
	// BrkEnd is _brk_end: the next frame of the brk.
	BrkEnd PFN
	// LastStart, RealEnd, Step and Size are the variables of top-down mapping: where
	// the last step began, where the first one ended, the frames of the next one,
	// and how many have been mapped.
	LastStart, RealEnd, Step, Size PFN
	// FixTable is the static table that early_ioremap uses (bm_pte).
	FixTable PFN
	// Reserved are the frames that the boot allocator must not hand out
	// (memblock.reserved), Data those that it has handed out for data, Tables those
	// that became tables.
	Reserved, Data, Tables FrameSet
	// Range is the number of the range that the buffer is for. Mapped are the ranges
	// mapped by now, by bit; Windows the slots of early_ioremap in use (prev_map).
	Range, Mapped, Windows uint8
	Flags                  BufferFlags
}

// BufferFlags are the yes/no parts of a TableBuffer.
type BufferFlags uint16

// Buffer flags.
const (
	// EarlyFixmap: early_ioremap works. PagingDone: it uses the fixmap's own tables
	// (after_paging_init).
	EarlyFixmap BufferFlags = 1 << iota
	PagingDone
	// MemMap: there are page structs.
	MemMap
	// P2MFreed: the builder's list of machine frames has been given up.
	P2MFreed
	// Ballooned: the extra memory has its machine frames.
	Ballooned
	// NoBrk: the brk lies in the range being mapped (can_use_brk_pgt is false).
	NoBrk
	// TopStarted and TopDone: top-down mapping has begun, and is complete.
	TopStarted
	TopDone
	// BufferOpen: tables are being taken from the buffer.
	BufferOpen
	// KmapReady: the tables behind kmap_atomic are in place.
	KmapReady
	// Vmapped: the first page of the vmalloc area is mapped.
	Vmapped
	// InitrdFreed: what the loader had put into memory has been given up.
	InitrdFreed
)

// Is reports whether all the given flags are set.
func (b *TableBuffer) Is(f BufferFlags) bool { return b.Flags&f == f }

// Open reports whether there is a table buffer that is not yet reserved.
func (b *TableBuffer) Open() bool { return b.Is(BufferOpen) }

// HandOut makes a step of an allocator's handing out a frame, for allocators
// that the kernel under test brings along.
func (m *Machine) HandOut(pfn PFN) { m.emit(Step{Op: OpBootmem, Frame: Frame(pfn)}) }

// pack appends what it remembers; large says that there are frames from 64 on.
func (b *TableBuffer) pack(dst []byte, large bool) []byte {
	dst = append(dst, byte(b.Flags), byte(b.Flags>>8), b.Range, b.Mapped, b.Windows)
	for _, p := range [...]PFN{b.Start, b.End, b.Top, b.MinMapped, b.MaxMapped, b.BrkEnd,
		b.LastStart, b.RealEnd, b.Step, b.Size, b.FixTable} {
		dst = binary.AppendUvarint(dst, uint64(p))
	}
	for _, s := range [...]FrameSet{b.Reserved, b.Data, b.Tables} {
		dst = s.packMore(binary.LittleEndian.AppendUint64(dst, s.low), large)
	}
	return dst
}

func (b *TableBuffer) unpack(src []byte, large bool) []byte {
	b.Range = src[2]
	b.Flags, b.Mapped, b.Windows, src = BufferFlags(src[0])|BufferFlags(src[1])<<8, src[3], src[4], src[5:]
	for _, p := range [...]*PFN{&b.Start, &b.End, &b.Top, &b.MinMapped, &b.MaxMapped, &b.BrkEnd,
		&b.LastStart, &b.RealEnd, &b.Step, &b.Size, &b.FixTable} {
		v, n := binary.Uvarint(src)
		*p, src = PFN(v), src[n:]
	}
	for _, s := range [...]*FrameSet{&b.Reserved, &b.Data, &b.Tables} {
		s.low = binary.LittleEndian.Uint64(src)
		src = s.unpackMore(src[8:], large)
	}
	return src
}
