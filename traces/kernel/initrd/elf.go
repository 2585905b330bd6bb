package initrd

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// segments are the parts of the program: code that cannot be written, data that cannot be
// executed, and a stack that cannot either. (Without the last, i386 makes all memory that
// can be read executable.)
var segments = [...]struct {
	kind  elf.ProgType
	flags elf.ProgFlag
	addr  uint64
}{
	{elf.PT_LOAD, elf.PF_R | elf.PF_X, textStart},
	{elf.PT_LOAD, elf.PF_R | elf.PF_W, dataStart},
	{elf.PT_GNU_STACK, elf.PF_R | elf.PF_W, 0},
}

// executable is an ELF file with code, which begins with its first instruction, and data.
// Code is in the file's second page and data in its third.
func executable(b Bits, code, data []byte) []byte {
	content := [...][]byte{code, data, nil}
	var out bytes.Buffer
	write := func(v ...interface{ elfPart() }) {
		for _, x := range v {
			binary.Write(&out, binary.LittleEndian, x) // a Buffer takes everything
		}
	}
	if b == AMD64 {
		write(header64())
	} else {
		write(header32())
	}
	for i, s := range segments {
		off, n := uint64(i+1)*pageSize, uint64(len(content[i]))
		if b == AMD64 {
			write(prog64{Type: uint32(s.kind), Flags: uint32(s.flags), Off: off, Vaddr: s.addr, Paddr: s.addr, Filesz: n, Memsz: n, Align: pageSize})
		} else {
			write(prog32{Type: uint32(s.kind), Flags: uint32(s.flags), Off: uint32(off), Vaddr: uint32(s.addr), Paddr: uint32(s.addr),
				Filesz: uint32(n), Memsz: uint32(n), Align: pageSize})
		}
	}
	for i, c := range content[:2] {
		out.Write(make([]byte, (i+1)*pageSize-out.Len()))
		out.Write(c)
	}
	return out.Bytes()
}

// The parts of an ELF file's head.
type (
	file32 elf.Header32
	file64 elf.Header64
	prog32 elf.Prog32
	prog64 elf.Prog64
)

func (file32) elfPart() {}
func (file64) elfPart() {}
func (prog32) elfPart() {}
func (prog64) elfPart() {}

func ident(c elf.Class) (id [elf.EI_NIDENT]byte) {
	copy(id[:], elf.ELFMAG)
	id[elf.EI_CLASS], id[elf.EI_DATA], id[elf.EI_VERSION] = byte(c), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	return id
}

func header64() file64 {
	return file64{Ident: ident(elf.ELFCLASS64), Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Entry: textStart, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: uint16(len(segments))}
}

func header32() file32 {
	return file32{Ident: ident(elf.ELFCLASS32), Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_386), Version: uint32(elf.EV_CURRENT),
		Entry: textStart, Phoff: 52, Ehsize: 52, Phentsize: 32, Phnum: uint16(len(segments))}
}
