package pipe

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/machine"
)

// Trap implements [machine.Hypervisor]: it tells why the guest stopped, and carries out what the
// other side asks for until it says that the guest goes on. The error ends the server: the
// two sides are not in step any more.
func (s *server) Trap(g *machine.Guest, t machine.Trap) error {
	if err := s.trap(g, t); err != nil {
		return &outOfStep{err}
	}
	return nil
}

// outOfStep is the error of a conversation that cannot go on.
type outOfStep struct{ error }

func (s *server) trap(g *machine.Guest, t machine.Trap) error {
	switch {
	case t.Stop != "":
		fmt.Fprintf(s.out, "trap stop %x %x %s\n", t.PC, t.Flags, t.Stop)
	case t.Hypercall:
		fmt.Fprintf(s.out, "trap hypercall %x %x\n", t.PC, t.Flags)
	default:
		fmt.Fprintf(s.out, "trap exception %x %x %x %x %x\n", t.PC, t.Flags, t.Vector, t.Code, t.CR2)
	}
	s.words("registers", t.Registers[:])
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("answers cannot be written: %w", err)
	}
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the hypervisor is gone: %w", err)
		}
		f := &fields{rest: strings.TrimSuffix(line, "\n")}
		verb := f.word()
		if verb == "go" {
			return f.end()
		}
		if err := s.serve(g, verb, f); err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
	}
}

// serve carries out a request of a hypervisor.
func (s *server) serve(g *machine.Guest, verb string, f *fields) error {
	switch verb {
	case "read", "write":
		return s.memory(g, verb, f)
	case "register":
		n := f.hex()
		v := f.hex()
		if err := f.end(); err != nil {
			return err
		}
		return g.SetRegister(int(min(n, 1<<8)), v)
	case "pc":
		g.SetPC(f.hex())
	case "flags":
		g.SetFlags(f.hex())
	case "root":
		g.SetRoot(f.hex())
	case "msr":
		n := f.hex()
		g.SetMSR(uint32(n), f.hex())
	case "flush":
		g.Flush()
	case "end":
		name := f.word()
		g.End(name, f.rest)
		f.rest = ""
	default:
		return errors.New("there is no such request of a hypervisor")
	}
	return f.end()
}

// memory answers a read with the bytes, or with none if no memory is there, and takes the bytes
// of a write.
func (s *server) memory(g *machine.Guest, verb string, f *fields) error {
	pa, n := f.hex(), f.hex()
	if err := f.end(); err != nil || n > maxBytes {
		return fmt.Errorf("how many bytes cannot be understood: %v", err)
	}
	b := g.Memory(pa, int(n))
	if verb == "write" {
		if b == nil {
			return fmt.Errorf("there is no memory at %x", pa)
		}
		_, err := io.ReadFull(s.in, b)
		return err
	}
	fmt.Fprintf(s.out, "memory %x\n", len(b))
	s.out.Write(b)
	return s.out.Flush()
}

// host runs the case at hand as a guest of the hypervisor on the other side.
func (s *server) host() error {
	defer s.begin()
	if s.img == nil {
		s.note("host", errors.New("there is no image"))
	}
	if s.bad != nil {
		fmt.Fprintf(s.out, "error %v\n", s.bad)
		return nil
	}
	res, err := machine.Host(s.lib, s.img, s.c, s)
	var lost *outOfStep
	switch {
	case errors.As(err, &lost):
		return fmt.Errorf("pipe: %w", lost.error)
	case err != nil:
		fmt.Fprintf(s.out, "error %v\n", err)
	default:
		s.answer(&res, nil)
	}
	return nil
}
