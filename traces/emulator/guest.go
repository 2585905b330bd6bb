package emulator

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Trap is why a guest of a hypervisor stopped: it made a hypercall, or took an exception.
type Trap struct {
	Stop      string // it is in front of this stop, where the run ends; otherwise empty
	Hypercall bool
	Vector    int    // of the exception
	Code      uint32 // its error code
	CR2       uint64
	PC        uint64 // the instruction of an exception; behind that of a hypercall
	Flags     uint64
	Registers [16]uint64 // in the order of their encoding
}

// Encodings of general registers.
const (
	RAX = 0
	RCX = 1
	RDX = 2
	RBX = 3
	RSP = 4
	RSI = 6
	RDI = 7
	R8  = 8
	R10 = 10
	R11 = 11
)

// Hypervisor answers what a guest cannot do itself. Its error ends the run.
type Hypervisor interface {
	Trap(p *Processor, t *Trap) error
}

// Guest is what a guest of a hypervisor begins with. All addresses are the machine's.
type Guest struct {
	RAM      []Range // the memory that there is, of any kind
	Memory   []Piece
	Features Features
	Root     uint64 // CR3
	PC, SP   uint64
	SI       uint64 // RSI
	Stops    map[string]uint64
}

// Piece is memory with what it holds.
type Piece struct {
	PA    uint64
	Bytes []byte
}

// Control registers of a guest, as Xen has them: rdtsc is Xen's to answer.
const (
	GuestCR0  = 0x80050033
	GuestCR4  = 0x6a4 // PAE, PGE, OSFXSR, OSXMMEXCPT, TSD
	GuestEFER = 0xd01 // SCE, LME, LMA, NXE
)

// Processor is the processor of a guest that has stopped. Reads are answered at once, everything
// else happens before the guest goes on. The first error is kept.
type Processor struct {
	r   *Runner
	err error
}

// Read reads physical memory; ok is false where there is none.
func (p *Processor) Read(pa uint64, b []byte) (ok bool) {
	if p.err != nil {
		return false
	}
	p.r.line("read %x %x", pa, len(b))
	if p.err = p.r.w.Flush(); p.err != nil {
		return false
	}
	line, err := p.r.r.ReadString('\n')
	if err != nil {
		p.err = err
		return false
	}
	n, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "memory ")
	size, err := strconv.ParseUint(n, 16, 64)
	switch {
	case !found || err != nil || size != 0 && size != uint64(len(b)):
		p.err = fmt.Errorf("emulator: the runner says %.40q where memory should be", line)
	case size > 0:
		_, p.err = io.ReadFull(p.r.r, b)
		return p.err == nil
	}
	return false
}

// Write writes physical memory, which must be there.
func (p *Processor) Write(pa uint64, b []byte) { p.r.bytes("write", pa, b) }

// SetRegister sets a general register.
func (p *Processor) SetRegister(n int, v uint64) { p.r.line("register %x %x", n, v) }

// SetPC has the guest go on at an address.
func (p *Processor) SetPC(v uint64) { p.r.line("pc %x", v) }

// SetFlags sets the flags.
func (p *Processor) SetFlags(v uint64) { p.r.line("flags %x", v) }

// SetRoot loads CR3 and flushes the TLB.
func (p *Processor) SetRoot(v uint64) { p.r.line("root %x", v) }

// SetMSR sets a model-specific register.
func (p *Processor) SetMSR(id uint32, v uint64) { p.r.line("msr %x %x", id, v) }

// Flush flushes the TLB.
func (p *Processor) Flush() { p.r.line("flush") }

// End ends the run.
func (p *Processor) End(stop, detail string) { p.r.line("end %s %s", stop, detail) }

// Host runs a guest of a hypervisor.
func (r *Runner) Host(g *Guest, hv Hypervisor) (*Result, error) {
	r.line("image 64")
	for _, x := range g.RAM {
		r.line("ram %x %x", x.Start, x.End)
	}
	for _, x := range g.Memory {
		r.bytes("bytes", x.PA, x.Bytes)
	}
	for _, l := range g.Features.cpuid() {
		r.line("cpuid %x %x %x %x %x %x", l.eax, l.ecx, l.answer[0], l.answer[1], l.answer[2], l.answer[3])
	}
	r.line("control %x %x %x %x", GuestCR0, g.Root, GuestCR4, GuestEFER)
	r.line("entry %x %x %x", g.PC, g.SP, g.SI)
	for name, addr := range g.Stops {
		r.line("stop %x %s", addr, name)
	}
	r.line("host")
	return r.watched(func() (*Result, error) { return r.host(hv) })
}

// host answers traps until the run is over.
func (r *Runner) host(hv Hypervisor) (*Result, error) {
	p := &Processor{r: r}
	for {
		if err := r.w.Flush(); err != nil {
			return nil, err
		}
		line, err := r.r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		words, isTrap := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "trap ")
		if !isTrap {
			return r.result(line)
		}
		t, err := parseTrap(words)
		if err != nil {
			return nil, err
		}
		regs, err := r.words("registers")
		if err != nil {
			return nil, err
		}
		copy(t.Registers[:], regs)
		if err := hv.Trap(p, t); err != nil {
			return nil, &hostError{err}
		}
		if p.err != nil {
			return nil, p.err
		}
		r.line("go")
	}
}

// hostError is an error of a hypervisor's, not of the runner's.
type hostError struct{ error }

// parseTrap reads "hypercall PC FLAGS", "stop PC FLAGS NAME" or "exception PC FLAGS VECTOR CODE CR2".
func parseTrap(words string) (*Trap, error) {
	var t Trap
	kind, rest, _ := strings.Cut(words, " ")
	var err error
	switch kind {
	case "hypercall":
		t.Hypercall = true
		_, err = fmt.Sscanf(rest, "%x %x", &t.PC, &t.Flags)
	case "stop":
		_, err = fmt.Sscanf(rest, "%x %x %s", &t.PC, &t.Flags, &t.Stop)
	case "exception":
		_, err = fmt.Sscanf(rest, "%x %x %x %x %x", &t.PC, &t.Flags, &t.Vector, &t.Code, &t.CR2)
	default:
		err = errors.New("no such kind")
	}
	if err != nil {
		return nil, fmt.Errorf("emulator: the runner tells of a trap %.40q: %w", words, err)
	}
	return &t, nil
}

// watched has a case run that was sent, and ends a runner that takes too long.
func (r *Runner) watched(run func() (*Result, error)) (*Result, error) {
	late := time.AfterFunc(r.timeout, func() { r.cmd.Process.Kill() })
	defer late.Stop()
	res, err := run()
	var refused *Refused
	if err == nil || errors.As(err, &refused) {
		return res, err
	}
	var host *hostError
	if errors.As(err, &host) {
		r.Close() // it waits for an answer
		return nil, host.error
	}
	if !late.Stop() {
		return nil, &Died{fmt.Sprintf("a case took more than %v", r.timeout)}
	}
	r.Close()
	said := r.errs.String()
	if said == "" {
		said = r.cmd.ProcessState.String()
	}
	return nil, &Died{said}
}
