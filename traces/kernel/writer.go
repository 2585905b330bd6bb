package kernel

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// Writer writes a recording in text. Who wants it compressed hands it a compressing
// writer. The first error is kept; [Writer.Close] returns it.
type Writer struct {
	w   *bufio.Writer
	b   []byte
	cpu int
}

// NewWriter writes the header of a recording.
func NewWriter(w io.Writer, h *Header) *Writer {
	out := &Writer{w: bufio.NewWriterSize(w, 1<<16)}
	out.w.Write(h.AppendText(nil))
	return out
}

// AppendText appends the lines of a recording up to its first event.
func (h *Header) AppendText(b []byte) []byte {
	b = fmt.Appendf(b, "%s %d\n", magic, Version)
	for _, p := range h.Pairs {
		b = fmt.Appendf(b, "# %s %s\n", p.Key, p.Value)
	}
	for _, r := range h.E820 {
		b = fmt.Appendf(b, "e820 %x %x %s\n", r.Start, r.End, r.Kind)
	}
	return b
}

// NewTailWriter writes no header: what it writes belongs behind lines that are there already.
func NewTailWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriter(w)} }

// Event writes an event.
func (w *Writer) Event(e *Event) {
	w.b = w.b[:0]
	if e.CPU != w.cpu {
		w.cpu = e.CPU
		w.b = append(w.b, "V "...)
		w.b = strconv.AppendInt(w.b, int64(e.CPU), 10)
		w.b = append(w.b, '\n')
	}
	w.b = append(e.AppendText(w.b), '\n')
	w.w.Write(w.b)
}

// Flush writes what is buffered, for recordings without an end.
func (w *Writer) Flush() error { return w.w.Flush() }

// Close writes what follows the events.
func (w *Writer) Close(totals Totals, symbols []Symbol, sites []Site) error {
	fmt.Fprint(w.w, endMark)
	for _, t := range totals {
		fmt.Fprintf(w.w, " %s %d", t.Name, t.Count)
	}
	fmt.Fprintf(w.w, "\nsymbols %d\n", len(symbols))
	for _, s := range symbols {
		fmt.Fprintf(w.w, "%x %c %s\n", s.Addr, s.Type, s.Name)
	}
	if len(sites) > 0 {
		fmt.Fprintf(w.w, "lines %d\n", len(sites))
		for _, s := range sites {
			fmt.Fprintf(w.w, "%x %s %d %s\n", s.Addr, s.Function, s.Line, s.File)
		}
	}
	return w.w.Flush()
}

// AppendText appends the event as its line has it, without the line's end.
func (e *Event) AppendText(b []byte) []byte {
	kind := e.Kind
	if kind == Run && e.Stride == largeStride {
		kind = 'm'
	}
	if e.Inner || kind == Entry || kind == EntryAnswer {
		b = append(b, ' ')
	}
	b = append(b, byte(kind))
	switch e.Kind {
	case Control:
		b = hex(b, e.RIP)
		b = dec(b, int64(e.Reg))
		b = flag(hex(b, e.CR3, e.CR0, e.CR4, e.EFER), e.Same, "same")
	case Mode:
		b = dec(b, int64(e.Level))
	case Table:
		b = flag(hex(dec(b, int64(e.Level)), e.Frame), e.Root, "root")
		b = hex(b, uint64(e.Offset))
	case Run:
		b = hex(b, uint64(e.Slot), uint64(e.Count), e.New)
	case Store:
		b = hex(b, e.RIP, e.Frame, uint64(e.Slot), e.Old, e.New)
		b = hex(dec(b, int64(e.Size), int64(e.Level)), e.VA)
		b = e.appendCallers(b)
	case Release:
		b = dec(hex(b, e.Frame), int64(e.Level))
	case Drop:
		b = hex(b, e.Frame)
	case Relevel:
		b = dec(hex(b, e.Frame), int64(e.Level), int64(e.Level2))
	case Invlpg:
		b = flag(hex(b, e.RIP, e.VA), e.Unknown, "?")
	case Invpcid:
		b = hex(b, e.RIP)
	default:
		b = e.appendRest(b)
	}
	return b
}

// appendRest appends what hypercalls and the hypervisor's records have.
func (e *Event) appendRest(b []byte) []byte {
	switch e.Kind {
	case Hypercall:
		b = e.appendCallers(hex(hex(b, e.RIP, e.Number), e.Args[:]...))
	case Entry:
		b = hex(hex(b, e.Number), e.Args[:3]...)
	case Update:
		b = hex(b, e.Ptr, e.New)
	case Extended:
		b = hex(b, e.Cmd, e.Args[0], e.Args[1])
	case Block:
		b = hex(b, e.Words()...)
	case Answer:
		b = dec(hex(b, e.RIP), e.Result)
	case EntryAnswer:
		b = dec(b, e.Result)
	case Records:
		b = flag(b, true, e.Point.String())
	case FrameRecord:
		b = hex(hex(b, e.Frame, uint64(e.Count)), e.Words()...)
	case Place:
		b = hex(b, e.PFN, uint64(e.Count), e.Frame)
	case Differs:
		b = hex(flag(b, true, e.Point.String()), e.Frame, uint64(e.Slot), e.Old, e.New)
	}
	return b
}

func (e *Event) appendCallers(b []byte) []byte {
	for i, c := range e.Callers() {
		if i == 0 {
			b = append(b, " @"...)
		} else {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, c, 16)
	}
	return b
}

func hex(b []byte, list ...uint64) []byte {
	for _, v := range list {
		b = strconv.AppendUint(append(b, ' '), v, 16)
	}
	return b
}

func dec(b []byte, list ...int64) []byte {
	for _, v := range list {
		b = strconv.AppendInt(append(b, ' '), v, 10)
	}
	return b
}

func flag(b []byte, on bool, word string) []byte {
	if on {
		b = append(append(b, ' '), word...)
	}
	return b
}
