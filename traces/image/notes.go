package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// CPU is what an image says of a processor: QEMU's note of each.
type CPU struct {
	RIP, RSP      uint64
	CR0, CR3, CR4 uint64
	User          bool // it is in user mode
	Long          bool // it runs in long mode
}

// VMCoreInfo is the note that a Linux kernel makes of itself for dumps: keys such as
// "SYMBOL(swapper_pg_dir)" (kernel/crash_core.c).
type VMCoreInfo map[string]string

// readNotes reads a note segment.
func (m *Image) readNotes(r io.ReaderAt, offset, size uint64) error {
	if size > mostNotes || offset > unknownSize-mostNotes {
		return fmt.Errorf("%d bytes of notes: more than %d MiB are not read", size, mostNotes>>20)
	}
	data := make([]byte, size)
	if _, err := r.ReadAt(data, int64(offset)); err != nil {
		return fmt.Errorf("the file is truncated: its notes end at %d: %w", offset+size, err)
	}
	return eachNote(data, func(name string, desc []byte) error {
		switch name {
		case "QEMU":
			cpu, err := qemuCPU(desc)
			if err != nil {
				return err
			}
			m.CPUs = append(m.CPUs, cpu)
		case "VMCOREINFO":
			m.Info = parseInfo(desc)
		}
		return nil
	})
}

// eachNote visits the notes of a segment: sizes of name and description, a type, name
// and description, each padded to 4 bytes (System V gABI, "Note Section"). Zeros at the
// end are padding.
func eachNote(data []byte, visit func(name string, desc []byte) error) error {
	for len(data) >= 12 {
		nameSize, descSize := uint64(binary.LittleEndian.Uint32(data)), uint64(binary.LittleEndian.Uint32(data[4:]))
		if nameSize == 0 && descSize == 0 {
			return nil
		}
		desc := 12 + (nameSize+3)&^3
		end := desc + descSize
		if end > uint64(len(data)) {
			return fmt.Errorf("a damaged note: it needs %d bytes, and %d are left", end, len(data))
		}
		if err := visit(strings.TrimRight(string(data[12:12+nameSize]), "\x00"), data[desc:end]); err != nil {
			return err
		}
		data = data[min((end+3)&^3, uint64(len(data))):]
	}
	return nil
}

// Places in QEMU's note (QEMUCPUState in target/i386/arch_dump.c): version, size, 18
// registers, ten segments of 24 bytes, CR0 to CR4.
const (
	qemuRegisters  = 8
	qemuRSP        = qemuRegisters + 6*8 // behind rax, rbx, rcx, rdx, rsi, rdi
	qemuRIP        = qemuRegisters + 16*8
	qemuSegments   = qemuRegisters + 18*8
	qemuSegment    = 24 // selector, limit, flags, padding, base
	qemuSegFlags   = 8
	qemuSegBase    = 16
	qemuGDT        = 8 // index of segment: cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt
	qemuControl    = qemuSegments + 10*qemuSegment
	qemuNote       = qemuControl + 5*8
	segLong        = 1 << 21 // the L flag of a code segment
	segPrivilege   = 13      // its lowest bit of the privilege level
	controlRegCR3  = 3
	controlRegCR4  = 4
	canonicalUpper = 47
)

// qemuCPU decodes QEMU's note of a processor.
func qemuCPU(d []byte) (CPU, error) {
	if len(d) < qemuNote {
		return CPU{}, fmt.Errorf("QEMU's note of a processor has %d bytes, want at least %d", len(d), qemuNote)
	}
	if v := binary.LittleEndian.Uint32(d); v != 1 {
		return CPU{}, fmt.Errorf("QEMU's note of a processor has version %d, want 1", v)
	}
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(d[at:]) }
	cs := binary.LittleEndian.Uint32(d[qemuSegments+qemuSegFlags:])
	gdt := word(qemuSegments + qemuGDT*qemuSegment + qemuSegBase)
	return CPU{
		RIP: word(qemuRIP), RSP: word(qemuRSP),
		CR0: word(qemuControl), CR3: word(qemuControl + 8*controlRegCR3), CR4: word(qemuControl + 8*controlRegCR4),
		User: cs>>segPrivilege&3 == 3,
		// There is no EFER in the note; code of user mode may be 32-bit, tables of the
		// kernel are then still where only long mode reaches.
		Long: cs&segLong != 0 || gdt>>canonicalUpper != 0,
	}, nil
}

// parseInfo reads the lines of a VMCOREINFO note.
func parseInfo(desc []byte) VMCoreInfo {
	info := VMCoreInfo{}
	for line := range strings.Lines(string(desc)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			info[key] = value
		}
	}
	return info
}

// number reads a decimal value, 0 if the key is not there.
func (v VMCoreInfo) number(key string) (int64, error) {
	text, ok := v["NUMBER("+key+")"]
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("VMCOREINFO: %s is %q: no number", key, text)
	}
	return n, nil
}

var errNoSymbol = errors.New("VMCOREINFO tells no address of swapper_pg_dir")

// symbol reads the address of the first of some symbols that is there.
func (v VMCoreInfo) symbol(names ...string) (uint64, error) {
	for _, name := range names {
		text, ok := v["SYMBOL("+name+")"]
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(text, 16, 64)
		if err != nil {
			return 0, fmt.Errorf("VMCOREINFO: %s is at %q: no address", name, text)
		}
		return n, nil
	}
	return 0, errNoSymbol
}
