package kernel

import (
	"bytes"
	"fmt"
)

// maxSlot is the last slot of a table: 1024 entries of four bytes.
const maxSlot = 1023

// inner are the kinds whose lines begin with a space inside a multicall.
func (k Kind) inner() bool {
	return k == Update || k == Extended || k == Lost || k == Block
}

// parse reads the line of an event. The event's line and processor are left alone.
func (e *Event) parse(line []byte) error {
	*e = Event{Line: e.Line, CPU: e.CPU}
	f := fields{rest: line}
	indented := false
	if len(line) > 0 && line[0] == ' ' {
		indented, f.rest = true, line[1:]
	}
	w := f.word()
	if len(w) != 1 {
		return fmt.Errorf("no event begins with %.20q", w)
	}
	e.Kind = Kind(w[0])
	switch {
	case e.Kind.inner():
		e.Inner = indented
	case (e.Kind == Entry || e.Kind == EntryAnswer) != indented:
		return fmt.Errorf("no event begins with %.20q", line[:min(len(line), 20)])
	}
	if err := e.body(&f); err != nil {
		return err
	}
	return f.end()
}

// body reads what follows the letter.
func (e *Event) body(f *fields) error {
	switch e.Kind {
	case Control:
		e.control(f)
	case Mode:
		e.Level = f.small("paging mode", 2, 5)
	case Table, Release, Relevel, Drop:
		e.table(f)
	case Run, 'm':
		e.run(f)
	case Store:
		e.store(f)
	case Invlpg, Invpcid:
		e.RIP = f.hex("instruction's address")
		if e.Kind == Invlpg {
			e.VA = f.hex("address")
			e.Unknown = f.flag("?")
		}
	case Hypercall, Entry, Update, Extended, Lost, Block, Answer, EntryAnswer:
		e.hypercall(f)
	case Records, FrameRecord, Place, Differs:
		return e.records(f)
	default:
		return fmt.Errorf("no event begins with %q", byte(e.Kind))
	}
	return nil
}

func (e *Event) control(f *fields) {
	e.RIP = f.hex("instruction's address")
	e.Reg = f.small("control register", 0, 7)
	e.CR3, e.CR0, e.CR4, e.EFER = f.hex("CR3"), f.hex("CR0"), f.hex("CR4"), f.hex("EFER")
	e.Same = f.flag("same")
}

func (e *Event) table(f *fields) {
	switch e.Kind {
	case Table:
		e.Level = f.small("level", 1, 5)
		e.Frame = f.hex("frame")
		e.Root = f.flag("root")
		e.Offset = f.index("offset", 0, 4095)
	case Release:
		e.Frame = f.hex("frame")
		e.Level = f.small("level", 1, 5)
	case Relevel:
		e.Frame = f.hex("frame")
		e.Level = f.small("level", 1, 5)
		e.Level2 = f.small("second level", 1, 5)
	case Drop:
		e.Frame = f.hex("frame")
	}
}

// Strides of runs of pages of 4 KiB and of 2 MiB.
const (
	smallStride = 0x1000
	largeStride = 0x200000
)

func (e *Event) run(f *fields) {
	e.Stride = smallStride
	if e.Kind == 'm' {
		e.Kind, e.Stride = Run, largeStride
	}
	e.Slot = f.index("slot", 0, maxSlot)
	e.Count = f.index("number of entries", 1, maxSlot+1)
	e.New = f.hex("entry")
	if f.err == nil && e.Slot+e.Count > maxSlot+1 {
		f.err = fmt.Errorf("the run ends behind the table: slot %x and %x entries", e.Slot, e.Count)
	}
}

func (e *Event) store(f *fields) {
	e.RIP = f.hex("instruction's address")
	e.Frame = f.hex("frame")
	e.Slot = f.index("slot", 0, maxSlot)
	e.Old, e.New = f.hex("old entry"), f.hex("new entry")
	e.Size = f.small("size", 1, 64)
	e.Level = f.small("level", 0, 5)
	e.VA = f.hex("address")
	e.stack(f)
}

// stack reads return addresses, which are the last field if there are any.
func (e *Event) stack(f *fields) {
	list, ok := bytes.CutPrefix(f.rest, []byte{'@'})
	if !ok {
		return
	}
	f.word()
	for len(list) > 0 {
		w, rest, _ := bytes.Cut(list, []byte{','})
		v, ok := parseHex(w)
		switch {
		case !ok:
			f.wrong("return address", w)
			return
		case e.ncallers == MaxCallers:
			f.err = fmt.Errorf("more than %d return addresses", MaxCallers)
			return
		}
		e.callers[e.ncallers] = v
		e.ncallers++
		list = rest
	}
}

func (e *Event) hypercall(f *fields) {
	switch e.Kind {
	case Hypercall:
		e.RIP, e.Number = f.hex("instruction's address"), f.hex("hypercall's number")
		for i := range e.Args {
			e.Args[i] = f.hex("argument")
		}
		e.stack(f)
	case Entry:
		e.Number = f.hex("hypercall's number")
		for i := range 3 {
			e.Args[i] = f.hex("argument")
		}
	case Update:
		e.Ptr, e.New = f.hex("address of the entry"), f.hex("entry")
	case Extended:
		e.Cmd, e.Args[0], e.Args[1] = f.hex("operation"), f.hex("argument"), f.hex("argument")
	case Block:
		e.takeWords(f, MaxWords)
	case Answer:
		e.RIP, e.Result = f.hex("instruction's address"), f.dec("answer")
	case EntryAnswer:
		e.Result = f.dec("answer")
	}
}

// takeWords reads one to most words.
func (e *Event) takeWords(f *fields, most int) {
	for {
		v := f.hex("word")
		if int(e.nwords) == most {
			f.err = fmt.Errorf("more than %d words", most)
		}
		if f.err != nil {
			return
		}
		e.words[e.nwords] = v
		e.nwords++
		if !f.more() {
			return
		}
	}
}

// maxFrames bounds how many frames one line speaks of.
const maxFrames = 1 << 28

func (e *Event) records(f *fields) error {
	switch e.Kind {
	case Records:
		return e.point(f)
	case FrameRecord:
		e.Frame, e.Count = f.hex("frame"), f.index("number of frames", 1, maxFrames)
		e.takeWords(f, 3)
		if f.err == nil && e.nwords != 3 {
			f.err = fmt.Errorf("want count_info, type_info and owner")
		}
	case Place:
		e.PFN, e.Count, e.Frame = f.hex("guest's frame"), f.index("number of frames", 1, maxFrames), f.hex("machine frame")
	case Differs:
		if err := e.point(f); err != nil {
			return err
		}
		e.Frame, e.Slot = f.hex("frame"), f.index("slot", 0, maxSlot)
		e.Old, e.New = f.hex("entry"), f.hex("entry")
	}
	return nil
}

func (e *Event) point(f *fields) error {
	w := f.word()
	for p, name := range pointNames {
		if name != "" && name == string(w) {
			e.Point = Point(p)
			return nil
		}
	}
	return fmt.Errorf("no such time: %.20q", w)
}
