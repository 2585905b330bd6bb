package machine

import (
	"fmt"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

// Hypervisor answers what a guest cannot do itself.
type Hypervisor interface {
	// Trap is called when the guest made a hypercall, took an exception, or is in front of a stop.
	// When it returns the guest goes on, unless [Guest.End] was called or it is in front of a
	// stop. The error ends the run as well.
	Trap(g *Guest, t Trap) error
}

// Trap is why a guest stopped.
type Trap struct {
	Stop      string // the name of the stop that was met; otherwise empty
	Hypercall bool   // a syscall instruction; otherwise an exception
	Vector    int    // of the exception
	Code      uint32 // its error code
	CR2       uint64
	PC        uint64 // the instruction of an exception; behind that of a hypercall
	Flags     uint64
	Registers [16]uint64
}

// Guest is a processor that runs under a hypervisor, which is asked for everything: exceptions,
// hypercalls, privileged instructions. Memory and processor are the hypervisor's to change.
type Guest struct {
	c   *Case
	e   *unicorn.Engine
	mem *memory
	hv  Hypervisor

	stop    string
	syscall bool
	pending int
	res     Result
}

// Host runs the image as a guest of a hypervisor. There is one pass, and no recording: the
// hypervisor knows of every store to a table, because it carries it out.
func Host(l *unicorn.Library, img *Image, c *Case, hv Hypervisor) (res Result, err error) {
	g := &Guest{c: c, hv: hv}
	if g.mem, err = newMemory(img, c); err != nil {
		return res, err
	}
	defer g.mem.free()
	if g.e, err = l.Open(img.Bits, g); err != nil {
		return res, err
	}
	defer g.e.Close()
	for _, r := range g.mem.regions {
		if err := g.e.Map(r.base, r.mem); err != nil {
			return res, err
		}
	}
	for addr := range c.Stops {
		if err := g.e.AddInstruction(addr); err != nil {
			return res, err
		}
	}
	c.enter(g.e)
	g.res.Passes = 1
	if err := g.loop(c.PC); err != nil {
		return res, err
	}
	g.res.PC, g.res.Registers = g.e.PC(), *g.e.General()
	return g.res, nil
}

// loop runs the guest until the run is over.
func (g *Guest) loop(pc uint64) error {
	for ; ; pc = g.e.PC() {
		g.pending, g.syscall = -1, false
		err := g.e.Run(pc)
		switch {
		case g.stop != "" || g.syscall || g.pending >= 0:
			if err := g.hv.Trap(g, g.trap()); err != nil {
				return err
			}
			if g.stop != "" {
				g.End(g.stop, "")
			}
			if g.res.Stop != "" {
				return nil
			}
		case err != nil:
			g.End("error", err.Error())
			return nil
		default:
			g.End("halt", "the processor halted")
			return nil
		}
	}
}

// trap is why the engine has stopped.
func (g *Guest) trap() Trap {
	t := Trap{Stop: g.stop, Hypercall: g.syscall, PC: g.e.PC(), Flags: g.e.Read(unicorn.EFLAGS), Registers: *g.e.General()}
	if g.pending >= 0 {
		t.Vector, t.CR2, t.Code = g.pending, g.e.Read(unicorn.CR2), g.e.Delivered()
	}
	return t
}

// Memory are n bytes of physical memory, to be read or written; nil if they are not there.
func (g *Guest) Memory(pa uint64, n int) []byte {
	if n < 0 {
		return nil
	}
	b := g.mem.at(pa, n)
	if b == nil {
		return nil
	}
	return b[:n]
}

// SetRegister sets a general register by its encoding.
func (g *Guest) SetRegister(n int, v uint64) error {
	if n < 0 || n > 15 || g.e.Bits == 32 && n > 7 {
		return fmt.Errorf("machine: no general register has the number %d", n)
	}
	g.e.Write(g.e.GeneralReg(n), v)
	return nil
}

// SetPC, SetFlags, SetRoot and SetMSR set what their names say. A new root flushes the TLB.
func (g *Guest) SetPC(v uint64) { g.e.SetPC(v) }

// SetFlags sets the flags.
func (g *Guest) SetFlags(v uint64) { g.e.Write(unicorn.EFLAGS, v) }

// SetRoot loads CR3.
func (g *Guest) SetRoot(v uint64) { g.e.Write(unicorn.CR3, v); g.e.FlushTLB() }

// SetMSR sets a model-specific register.
func (g *Guest) SetMSR(id uint32, v uint64) { g.e.SetMSR(id, v) }

// Flush drops all cached translations.
func (g *Guest) Flush() { g.e.FlushTLB() }

// End ends the run.
func (g *Guest) End(stop, detail string) {
	if g.res.Stop == "" {
		g.res.Stop, g.res.Detail = stop, detail
	}
	g.e.Stop()
}

// Exception implements unicorn.Guest.
func (g *Guest) Exception(n int) {
	g.pending = n
	g.e.Stop()
}

// Syscall implements unicorn.Guest.
func (g *Guest) Syscall() {
	g.syscall = true
	g.e.Stop()
}

// Instruction implements unicorn.Guest: it is a stop.
func (g *Guest) Instruction(addr uint64) {
	g.stop = g.c.Stops[addr]
	g.e.Stop()
}

// CPUID implements unicorn.Guest.
func (g *Guest) CPUID() { g.c.cpuid(g.e) }

// Block implements unicorn.Guest.
func (g *Guest) Block(uint64, int) {}

// Write implements unicorn.Guest.
func (g *Guest) Write(uint64, int, uint64) {}

// Nowhere implements unicorn.Guest. A bus without a device reads as ones.
func (g *Guest) Nowhere(pa uint64, fetch bool) bool {
	const limit = 1 << 14
	if fetch || g.res.Totals.Nowhere == limit {
		return false
	}
	g.res.Totals.Nowhere++
	return g.e.MapNothing(pa&^(pageSize-1)) == nil
}

// In and Out implement unicorn.Guest. Only a guest that was given the ports comes to them.
func (g *Guest) In(_ uint32, size int) uint32 { return uint32(1<<(8*uint(size)) - 1) }

// Out implements unicorn.Guest.
func (g *Guest) Out(uint32, int, uint32) {}
