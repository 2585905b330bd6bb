package pipe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/machine"
	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

// maxBytes bounds how much a request hands over at once: a kernel is some 70 MB.
const maxBytes = 1 << 30

// server serves requests. A request that cannot be served is answered with a line "error ..."
// and changes nothing else; a stream that cannot be understood ends the server.
type server struct {
	lib *unicorn.Library
	in  *bufio.Reader
	out *bufio.Writer
	img *machine.Image
	c   *machine.Case
	bad error // why the case at hand cannot be run
}

// Serve answers requests until the stream ends.
func Serve(lib *unicorn.Library, in io.Reader, out io.Writer) error {
	s := &server{lib: lib, in: bufio.NewReaderSize(in, 1<<16), out: bufio.NewWriterSize(out, 1<<16)}
	defer func() {
		if s.img != nil {
			s.img.Close()
		}
	}()
	s.begin()
	fmt.Fprintf(s.out, "ptcheck-run %d unicorn %s\n", Version, lib.Version())
	for {
		if err := s.out.Flush(); err != nil {
			return fmt.Errorf("pipe: answers cannot be written: %w", err)
		}
		line, err := s.in.ReadString('\n')
		switch {
		case errors.Is(err, io.EOF) && line == "":
			return nil
		case err != nil:
			return fmt.Errorf("pipe: requests cannot be read: %w", err)
		}
		if err := s.request(strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
}

// begin begins a case.
func (s *server) begin() {
	s.bad = nil
	s.c = &machine.Case{CPUID: map[machine.Leaf][4]uint32{}, MSRs: map[uint32]uint64{}, Stops: map[uint64]string{}, MaxEvents: 1 << 20}
}

// request carries out one line. The error ends the server.
func (s *server) request(line string) error {
	f := &fields{rest: line}
	verb := f.word()
	switch verb {
	case "segment", "bytes", "late":
		return s.bytes(verb, f)
	case "run":
		s.run()
		return nil
	case "host":
		return s.host()
	case "image":
		s.image(f)
	case "code":
		va, pa, n := f.hex(), f.hex(), f.hex()
		if f.err == nil && s.img == nil {
			f.err = errors.New("there is no image")
		}
		if f.err == nil {
			f.err = s.img.Code(va, pa, int(min(n, maxBytes)))
		}
	default:
		s.setting(verb, f)
	}
	s.note(verb, f.end())
	return nil
}

// note keeps the first mistake of a case.
func (s *server) note(verb string, err error) {
	if err != nil && s.bad == nil {
		s.bad = fmt.Errorf("%s: %w", verb, err)
	}
}

func (s *server) image(f *fields) {
	bits := f.dec()
	if f.err != nil {
		return
	}
	img, err := machine.NewImage(bits)
	if err != nil {
		f.err = err
		return
	}
	if s.img != nil {
		s.img.Close()
	}
	s.img = img
}

// bytes takes the bytes behind a line "segment PA N" or "bytes PA N".
func (s *server) bytes(verb string, f *fields) error {
	pa, n := f.hex(), f.hex()
	if err := f.end(); err != nil || n > maxBytes {
		return fmt.Errorf("pipe: %s: how many bytes follow cannot be understood: %v", verb, err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.in, b); err != nil {
		return fmt.Errorf("pipe: %s: the bytes are missing: %w", verb, err)
	}
	switch {
	case verb == "late":
		s.c.Share.Late = append(s.c.Share.Late, machine.Patch{PA: pa, Bytes: b})
	case verb == "bytes":
		s.c.Patches = append(s.c.Patches, machine.Patch{PA: pa, Bytes: b})
	case s.img == nil:
		s.note(verb, errors.New("there is no image"))
	default:
		s.note(verb, s.img.Load(pa, b))
	}
	return nil
}

// setting takes a line that says something of the case.
func (s *server) setting(verb string, f *fields) {
	c := s.c
	switch verb {
	case "ram":
		c.RAM = append(c.RAM, f.memory())
	case "share":
		c.Share.At = f.hex()
	case "common":
		c.Share.Common = append(c.Share.Common, f.memory())
	case "litter":
		c.Litter = f.hex()
	case "cpuid":
		l := machine.Leaf{EAX: uint32(f.hex()), ECX: uint32(f.hex())}
		c.CPUID[l] = [4]uint32{uint32(f.hex()), uint32(f.hex()), uint32(f.hex()), uint32(f.hex())}
	case "msr":
		id := uint32(f.hex())
		c.MSRs[id] = f.hex()
	case "control":
		c.CR0, c.CR3, c.CR4, c.EFER = f.hex(), f.hex(), f.hex(), f.hex()
	case "entry":
		c.PC, c.Stack, c.BootParams = f.hex(), f.hex(), f.hex()
	case "text":
		c.Text = machine.Range{Start: f.hex(), End: f.hex()}
	case "stop":
		addr := f.hex()
		c.Stops[addr] = f.word()
		if f.err == nil && c.Stops[addr] == "" {
			f.err = errors.New("a stop has a name")
		}
	case "events":
		c.MaxEvents = f.dec()
	default:
		f.err = errors.New("there is no such request")
	}
}

// run runs the case at hand and answers.
func (s *server) run() {
	defer s.begin()
	if s.img == nil {
		s.note("run", errors.New("there is no image"))
	}
	if s.bad != nil {
		fmt.Fprintf(s.out, "error %v\n", s.bad)
		return
	}
	rec, res, err := machine.Run(s.lib, s.img, s.c)
	if err != nil {
		fmt.Fprintf(s.out, "error %v\n", err)
		return
	}
	s.answer(&res, rec)
}

// answer tells how a case ended.
func (s *server) answer(res *machine.Result, rec []byte) {
	fmt.Fprintf(s.out, "stop %s %x %d %s\n", res.Stop, res.PC, res.Passes, res.Detail)
	s.words("registers", res.Registers[:])
	s.words("stack", res.Stack[:])
	fmt.Fprintf(s.out, "console %x\n", len(res.Console))
	s.out.Write(res.Console)
	fmt.Fprintf(s.out, "recording %x\n", len(rec))
	s.out.Write(rec)
}

// words answers with a line of words.
func (s *server) words(name string, list []uint64) {
	s.out.WriteString(name)
	for _, v := range list {
		fmt.Fprintf(s.out, " %x", v)
	}
	s.out.WriteByte('\n')
}
