package emulator

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
)

// ELF notes for Xen (Xen: public/elfnote.h).
const (
	noteEntry    = 1
	noteVirtBase = 3
	noteInitP2M  = 15
)

// note takes a segment of notes over.
func (k *Kernel) note(p *elf.Prog) error {
	const most = 1 << 20
	if p.Filesz > most {
		return fmt.Errorf("its notes are damaged")
	}
	b := make([]byte, p.Filesz)
	if _, err := io.ReadFull(p.Open(), b); err != nil {
		return fmt.Errorf("its notes cannot be read: %w", err)
	}
	if k.notes == nil {
		k.notes = map[uint32][]byte{}
	}
	aligned := func(n uint32) int { return int(n+3) &^ 3 }
	for len(b) >= 12 {
		name, desc, kind := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
		if uint64(name)+uint64(desc) > most || len(b) < 12+aligned(name)+aligned(desc) {
			break // other linkers align notes in other ways
		}
		value := b[12+aligned(name):][:desc]
		if string(b[12:12+name]) == "Xen\x00" {
			k.notes[kind] = value
		}
		b = b[12+aligned(name)+aligned(desc):]
	}
	return nil
}

// number is the value of a note that is a number.
func (k *Kernel) number(kind uint32) (v uint64, ok bool) {
	b := k.notes[kind]
	if len(b) != 8 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}

// Paravirtual is what a kernel's notes tell Xen's domain builder.
type Paravirtual struct {
	Entry    uint64 // virtual
	VirtBase uint64 // where physical address 0 lies
	InitP2M  uint64 // where the list of machine frames is to be mapped; 0: behind the kernel
}

// Paravirtual is what the domain builder needs to know; ok is false for a kernel that cannot be
// a paravirtual guest with 64 bits.
func (k *Kernel) Paravirtual() (p Paravirtual, ok bool) {
	entry, hasEntry := k.number(noteEntry)
	base, hasBase := k.number(noteVirtBase)
	p2m, _ := k.number(noteInitP2M)
	return Paravirtual{entry, base, p2m}, hasEntry && hasBase && k.Bits == 64
}

// Memory is the kernel's memory as its file fills it, by physical addresses.
func (k *Kernel) Memory() (list []Piece) {
	for _, s := range k.segments {
		list = append(list, Piece{s.pa, s.bytes})
	}
	return list
}

// IsCode reports whether the kernel's code lies at an address.
func (k *Kernel) IsCode(addr uint64) bool {
	for _, c := range k.code() {
		if addr-c.va < c.n {
			return true
		}
	}
	return false
}
