package imagetest

import (
	"bytes"
	"encoding/binary"

	"github.com/ptcheck/ptcheck/traces/image"
)

// Machine is what an image tells besides memory.
type Machine struct {
	Long bool // the file is that of a 64-bit machine
	CPUs []image.CPU
	Info string // VMCOREINFO, "" for none
}

// CPU is a processor on some tables, in the kernel.
func CPU(mode image.Mode, cr3 uint64) image.CPU {
	c := image.CPU{CR0: 1 << 31, CR3: cr3, CR4: 1 << 4}
	if mode >= image.PAE {
		c.CR4 |= 1 << 5
	}
	if mode >= image.FourLevel {
		c.Long = true
	}
	if mode == image.FiveLevel {
		c.CR4 |= 1 << 12
	}
	return c
}

// qemuNote is QEMU's note of a processor.
func qemuNote(c *image.CPU) []byte {
	d := make([]byte, 440)
	put := binary.LittleEndian.PutUint64
	binary.LittleEndian.PutUint32(d, 1)
	binary.LittleEndian.PutUint32(d[4:], 440)
	put(d[8+6*8:], c.RSP)
	put(d[8+16*8:], c.RIP)
	segments := 8 + 18*8
	flags := uint32(0)
	if c.Long {
		flags |= 1 << 21
	}
	if c.User {
		flags |= 3 << 13
	}
	binary.LittleEndian.PutUint32(d[segments+8:], flags)
	control := segments + 10*24
	put(d[control:], c.CR0)
	put(d[control+24:], c.CR3)
	put(d[control+32:], c.CR4)
	return d
}

// note is one note of an ELF file.
func note(name string, desc []byte) []byte {
	var b bytes.Buffer
	word := func(n int) { _ = binary.Write(&b, binary.LittleEndian, uint32(n)) }
	pad := func() {
		for b.Len()%4 != 0 {
			b.WriteByte(0)
		}
	}
	word(len(name) + 1)
	word(len(desc))
	word(0)
	b.WriteString(name + "\x00")
	pad()
	b.Write(desc)
	pad()
	return b.Bytes()
}

// notes are all notes of a machine.
func (m *Machine) notes() []byte {
	var out []byte
	for i := range m.CPUs {
		out = append(out, note("CORE", make([]byte, 336))...)
		out = append(out, note("QEMU", qemuNote(&m.CPUs[i]))...)
	}
	if m.Info != "" {
		out = append(out, note("VMCOREINFO", []byte(m.Info))...)
	}
	return out
}

// header is a program header.
type header struct{ kind, offset, paddr, filesz, memsz uint64 }

// ELF writes memory as an ELF core of the machine's width: a segment for all memory.
func ELF(mem *Memory, m *Machine) []byte {
	data := make([]byte, mem.Frames<<image.PageShift)
	for f, p := range mem.Stored {
		copy(data[f<<image.PageShift:], p[:])
	}
	notes := m.notes()
	return elfFile(m.Long, notes, []header{{kind: 1, filesz: uint64(len(data)), memsz: uint64(len(data))}}, data)
}

// elfFile writes headers, notes and data; offsets of segments are into the data.
func elfFile(long bool, notes []byte, segments []header, data []byte) []byte {
	var b bytes.Buffer
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	n, head, size := len(segments)+1, 52, 32
	if long {
		head, size = 64, 56
	}
	start := uint64(head + n*size)
	all := append([]header{{4, start, 0, uint64(len(notes)), uint64(len(notes))}}, segments...)
	class, machine := byte(1), uint16(3)
	if long {
		class, machine = 2, 62
	}
	b.Write([]byte{0x7f, 'E', 'L', 'F', class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	put(uint16(4)) // core
	put(machine)
	put(uint32(1))
	if long {
		put([3]uint64{0, uint64(head), 0})
	} else {
		put([3]uint32{0, uint32(head), 0})
	}
	put(uint32(0))
	put([6]uint16{uint16(head), uint16(size), uint16(n), 0, 0, 0})
	for i, h := range all {
		if i > 0 {
			h.offset += start + uint64(len(notes))
		}
		if long {
			put([2]uint32{uint32(h.kind), 7})
			put([6]uint64{h.offset, 0, h.paddr, h.filesz, h.memsz, 0})
		} else {
			put([8]uint32{uint32(h.kind), uint32(h.offset), 0, uint32(h.paddr), uint32(h.filesz), uint32(h.memsz), 7, 0})
		}
	}
	b.Write(notes)
	b.Write(data)
	return b.Bytes()
}
