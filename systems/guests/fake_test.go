package guests

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

const virtBase = 0xffffffff80000000

// tinyKernel is a kernel whose file has nothing but ELF notes for Xen and some code.
func tinyKernel(t *testing.T) *emulator.Kernel {
	t.Helper()
	le := binary.LittleEndian
	var notes []byte
	for kind, v := range map[uint32]uint64{1: virtBase + 0x1000000, 3: virtBase, 15: 0x8000000000} {
		for _, w := range []uint32{4, 8, kind} {
			notes = le.AppendUint32(notes, w)
		}
		notes = le.AppendUint64(append(notes, "Xen\x00"...), v)
	}
	const headers = 64 + 2*56
	b := make([]byte, headers)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 2)
	le.PutUint16(b[18:], 62)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], 0x1000000)
	le.PutUint64(b[32:], 64)
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 2)
	program := func(at int, kind uint32, offset, va, pa, n, memory uint64) {
		p := b[64+56*at:]
		le.PutUint32(p, kind)
		le.PutUint32(p[4:], 5)
		for i, v := range []uint64{offset, va, pa, n, memory} {
			le.PutUint64(p[8+8*i:], v)
		}
	}
	program(0, 1, headers, virtBase+0x1000000, 0x1000000, uint64(len(notes)), 0x2000)
	program(1, 4, headers, virtBase+0x1000000, 0x1000000, uint64(len(notes)), uint64(len(notes)))
	b = append(b, notes...)
	dir := t.TempDir()
	text := ""
	for i, name := range []string{"_text", "f", "_etext", "_sinittext", "mem_init", "panic", "_einittext"} {
		text += fmt.Sprintf("%x T %s\n", virtBase+0x1000000+uint64(i)*4, name)
	}
	for name, data := range map[string][]byte{"vmlinux": b, "map": []byte(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	k, err := emulator.Open(filepath.Join(dir, "vmlinux"), filepath.Join(dir, "map"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// fake is a processor with memory, but without a guest: tests are the guest.
type fake struct {
	t       *testing.T
	h       *host
	memory  map[uint64][]byte // by frame
	regs    [16]uint64
	pc      uint64
	root    uint64
	flushes int
	ended   string
}

func (p *fake) frame(mfn uint64) []byte {
	if p.memory[mfn] == nil {
		p.memory[mfn] = make([]byte, 4096)
	}
	return p.memory[mfn]
}
func (p *fake) Read(ma uint64, b []byte) bool {
	copy(b, p.frame(ma >> 12)[ma&0xfff:])
	return true
}
func (p *fake) Write(ma uint64, b []byte)   { copy(p.frame(ma >> 12)[ma&0xfff:], b) }
func (p *fake) SetRegister(n int, v uint64) { p.regs[n] = v }
func (p *fake) SetPC(v uint64)              { p.pc = v }
func (p *fake) SetFlags(uint64)             {}
func (p *fake) SetRoot(v uint64)            { p.root = v }
func (p *fake) SetMSR(uint32, uint64)       {}
func (p *fake) Flush()                      { p.flushes++ }
func (p *fake) End(stop, _ string)          { p.ended = stop }

// caller is the address behind the syscall of all hypercalls.
const caller = virtBase + 0x1000002

// newFake is a guest that has just begun.
func newFake(t *testing.T, kind model.GuestKind, refusal *Refusal) *fake {
	t.Helper()
	d, err := build(tinyKernel(t), &Machine{Kind: kind, Pages: LeastPages, Cmdline: "quiet"})
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHost(d, refusal)
	if err != nil {
		t.Fatal(err)
	}
	p := &fake{t: t, h: h, memory: d.pages}
	h.p = p
	return p
}

// spare is the number of a frame of the guest's that is mapped and empty.
func (p *fake) spare(n uint64) uint64 { return p.h.d.stack + 4 + n }

// mfn is the machine frame of a spare frame, va its address.
func (p *fake) mfn(n uint64) uint64 { return uint64(p.h.d.p2m[p.spare(n)]) }
func (p *fake) va(n uint64) uint64  { return virtBase + p.spare(n)<<12 }

// args puts words where arguments lie, on the boot stack's page, and returns their address.
func (p *fake) args(words ...uint64) uint64 {
	ma := uint64(p.h.d.p2m[p.h.d.stack]) << 12
	for i, w := range words {
		binary.LittleEndian.PutUint64(p.frame(ma >> 12)[8*i:], w)
	}
	return virtBase + p.h.d.stack<<12
}

// call makes a hypercall and returns the answer; the PC afterwards is p.pc if it was set.
func (p *fake) call(number uint64, args ...uint64) int64 {
	p.t.Helper()
	t := &emulator.Trap{Hypercall: true, PC: caller}
	t.Registers[emulator.RAX] = number
	for i, r := range []int{emulator.RDI, emulator.RSI, emulator.RDX, emulator.R10}[:len(args)] {
		t.Registers[r] = args[i]
	}
	t.Registers[emulator.RSP] = virtBase + p.h.d.stack<<12 + 0x800
	p.regs, p.pc = t.Registers, 0
	p.h.trap(t)
	return int64(p.regs[emulator.RAX])
}

// entry is an entry of a frame as memory has it.
func (p *fake) entry(mfn uint64, slot int) uint64 {
	return binary.LittleEndian.Uint64(p.frame(mfn)[8*slot:])
}
