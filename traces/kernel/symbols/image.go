package symbols

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Image is a kernel: the ELF file that was linked, be it as it is or out of a bzImage.
type Image struct {
	// Bits is 32 or 64.
	Bits int
	// ELF is the whole file, uncompressed.
	ELF []byte
	// Banner is linux_banner, without its line's end: version, builder, compiler.
	Banner string

	segments []segment
}

// segment is a part of the kernel at its virtual addresses.
type segment struct {
	addr uint64
	exec bool
	data []byte
}

// Of a bzImage (Documentation/arch/x86/boot.rst).
const (
	setupSectors  = 0x1f1 // byte: sectors of 512 bytes of real-mode code, besides the first
	bootFlag      = 0x1fe // 55 aa
	headerMagic   = 0x202 // "HdrS"
	bootVersion   = 0x206 // 16 bits; payloads are since 2.08
	payloadOffset = 0x248 // 32 bits, from the end of the real-mode code
	payloadLength = 0x24c
	headerEnd     = 0x250
)

// maxKernel bounds a kernel's size, uncompressed.
const maxKernel = 1 << 30

// Open reads a kernel's file: a bzImage, or a vmlinux that may be compressed.
func Open(file []byte) (*Image, error) {
	raw := file
	if isBzImage(file) {
		var err error
		if raw, err = payload(file); err != nil {
			return nil, err
		}
	}
	if !bytes.HasPrefix(raw, []byte(elf.ELFMAG)) {
		var err error
		if raw, err = unpack(raw, maxKernel); err != nil {
			return nil, err
		}
	}
	return newImage(raw)
}

func isBzImage(file []byte) bool {
	return len(file) >= headerEnd && file[bootFlag] == 0x55 && file[bootFlag+1] == 0xaa &&
		string(file[headerMagic:headerMagic+4]) == "HdrS"
}

// payload is the compressed kernel inside a bzImage.
func payload(file []byte) ([]byte, error) {
	le := binary.LittleEndian
	if v := le.Uint16(file[bootVersion:]); v < 0x208 {
		return nil, fmt.Errorf("symbols: the bzImage is of boot protocol %d.%02d; its kernel can be found in 2.08 and later", v>>8, v&0xff)
	}
	sectors := uint64(file[setupSectors])
	if sectors == 0 {
		sectors = 4
	}
	start := (sectors+1)*512 + uint64(le.Uint32(file[payloadOffset:]))
	end := start + uint64(le.Uint32(file[payloadLength:]))
	if start > end || end > uint64(len(file)) {
		return nil, fmt.Errorf("symbols: the bzImage says that its kernel is at %d to %d, but it has %d bytes: it is truncated", start, end, len(file))
	}
	return file[start:end], nil
}

func newImage(raw []byte) (*Image, error) {
	f, err := elf.NewFile(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("symbols: this is no kernel: %w", err)
	}
	img := &Image{ELF: raw, Bits: 32}
	switch f.Machine {
	case elf.EM_X86_64:
		img.Bits = 64
	case elf.EM_386:
	default:
		return nil, fmt.Errorf("symbols: this kernel is for %s, not for x86", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz == 0 {
			continue
		}
		if p.Off > uint64(len(raw)) || p.Filesz > uint64(len(raw))-p.Off {
			return nil, errors.New("symbols: the kernel is truncated: a segment lies behind its end")
		}
		img.segments = append(img.segments, segment{p.Vaddr, p.Flags&elf.PF_X != 0, raw[p.Off : p.Off+p.Filesz]})
	}
	if len(img.segments) == 0 {
		return nil, errors.New("symbols: this is no kernel: the file has nothing to load")
	}
	img.Banner = banner(raw)
	return img, nil
}

// banner finds linux_banner: the last text that begins like it. Those before it lack the
// build's number, or are formats (linux_proc_banner).
func banner(raw []byte) (found string) {
	prefix := []byte("Linux version ")
	for rest := raw; ; rest = rest[len(prefix):] {
		i := bytes.Index(rest, prefix)
		if i < 0 {
			return found
		}
		rest = rest[i:]
		line, _, _ := bytes.Cut(rest[:min(len(rest), 512)], []byte{'\n'})
		if s := string(line); len(s) > len(prefix) && s[len(prefix)] >= '0' && s[len(prefix)] <= '9' && isText(s) {
			found = strings.TrimSpace(s)
		}
	}
}

func isText(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// Bytes are n bytes of the kernel's file that are loaded at an address, nil if it has none
// there.
func (img *Image) Bytes(addr uint64, n int) []byte {
	for _, s := range img.segments {
		if off := addr - s.addr; addr >= s.addr && off < uint64(len(s.data)) && uint64(n) <= uint64(len(s.data))-off {
			return s.data[off : off+uint64(n)]
		}
	}
	return nil
}
