// Package bootlog reads what a kernel says of a machine's memory: the firmware's map and
// the lines about its direct mapping in the log of its boot, and /proc/iomem. What it read
// becomes a machine to boot, and the direct mapping is compared with the boot's.
package bootlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/traces/golden"
)

const (
	// maxSize is the largest text that is read, in bytes.
	maxSize = 16 << 20
	// maxAddress is the first address that no x86 processor has.
	maxAddress = 1 << 52
)

// Range is a range of physical addresses in bytes; End is the first one beyond.
type Range struct{ Start, End uint64 }

// Mapping is a range of the direct mapping.
type Mapping struct {
	Range
	Shift uint // log2 of the size of its pages, 0 where it is not told
}

// Log is what a text says.
type Log struct {
	Name string
	// RAM is what the firmware calls memory, Mappings what the kernel says that it maps;
	// both in the order of the text.
	RAM      []Range
	Mappings []Mapping
	// BSS and End are where the kernel's bss begins and where the kernel ends; 0 where it
	// is not told.
	BSS, End uint64
}

// Error is a refusal of a text. Line is counted from 1; 0: no line of it.
type Error struct {
	File   string
	Line   int
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// Open reads the file at a path. The error names it.
func Open(path string) (*Log, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Files in /proc do not say how large they are.
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	return Read(path, text)
}

// Read reads a text: the log of a boot, or /proc/iomem. Lines of a log about other things
// are passed over. The error, if any, is an *Error.
func Read(name string, text []byte) (*Log, error) {
	if len(text) > maxSize {
		return nil, &Error{File: name, Reason: fmt.Sprintf("larger than %d bytes", maxSize)}
	}
	r := &reader{log: &Log{Name: name}, take: (*reader).logLine}
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(nil, maxSize+1)
	for n := 1; in.Scan(); n++ {
		line := strings.TrimRight(in.Text(), " \t\r")
		if line == "" {
			continue
		}
		if !r.begun && isIomem(line) {
			r.take = (*reader).iomemLine
		}
		r.begun = true
		if err := r.take(r, line); err != nil {
			return nil, &Error{File: name, Line: n, Reason: err.Error()}
		}
	}
	if err := in.Err(); err != nil {
		return nil, &Error{File: name, Reason: err.Error()}
	}
	return r.done()
}

// reader reads a text line by line.
type reader struct {
	log   *Log
	begun bool
	take  func(r *reader, line string) error
	// source is which of the maps that a log may have is the one in RAM.
	source int
	// mapping is whether the lines before were about the direct mapping, and header what
	// the first of them said, until others say it in detail.
	mapping bool
	header  *Range
}

// done puts a log together.
func (r *reader) done() (*Log, error) {
	r.endMapping()
	l := r.log
	if len(l.RAM) == 0 && len(l.Mappings) == 0 {
		return nil, &Error{File: l.Name, Reason: "nothing about memory: want BIOS-e820 or init_memory_mapping lines, or /proc/iomem with System RAM"}
	}
	if l.MaxPFN() == 0 {
		return nil, &Error{File: l.Name, Reason: "its memory is less than a page: where all addresses are zero they are hidden, so read it as root"}
	}
	return l, nil
}

// logLine reads a line of the log of a boot.
func (r *reader) logLine(line string) error {
	if took, err := r.e820(line); took || err != nil {
		r.endMapping()
		return err
	}
	return r.mappingLine(line)
}

// MaxPFN is the number of frames up to the last one that is memory. A log without a map
// of the firmware has what the kernel maps.
func (l *Log) MaxPFN() uint64 {
	end := uint64(0)
	for _, r := range l.RAM {
		if last := r.End &^ (golden.PageSize - 1); last > r.Start {
			end = max(end, last)
		}
	}
	if len(l.RAM) == 0 {
		for _, m := range l.Mappings {
			end = max(end, m.End)
		}
	}
	return end / golden.PageSize
}

// kernelBelow is how far up a kernel may lie for a 32-bit one to lie there: head.S has to
// map all that is below it. Kernels of 64 bits lie anywhere.
const kernelBelow = 512 << 20

// Machine is what a configuration needs of it.
func (l *Log) Machine() golden.Machine {
	m := golden.Machine{MaxPFN: l.MaxPFN()}
	if l.BSS != 0 && l.End < kernelBelow {
		m.BSS, m.End = l.BSS, l.End
	}
	return m
}

// errRange says how ranges are written.
var errRange = errors.New("not a range of addresses")

// inclusive reads "0xFIRST-0xLAST", with or without 0x.
func inclusive(text string) (Range, error) {
	first, last, ok := strings.Cut(text, "-")
	r, err := span(first, last)
	if !ok || err != nil {
		return Range{}, rangeError(text, err)
	}
	r.End++
	return r, nil
}

// exclusive reads "START - END", hexadecimal.
func exclusive(start, end string) (Range, error) {
	r, err := span(start, end)
	if err != nil {
		return Range{}, rangeError(start+" - "+end, err)
	}
	return r, nil
}

func rangeError(text string, why error) error {
	if why == nil {
		why = errRange
	}
	return fmt.Errorf("%.60q: %w", text, why)
}

// span reads two addresses, the first not above the second.
func span(a, b string) (r Range, err error) {
	if r.Start, err = address(a); err != nil {
		return Range{}, err
	}
	if r.End, err = address(b); err != nil {
		return Range{}, err
	}
	if r.End < r.Start {
		return Range{}, errors.New("it ends before it begins")
	}
	return r, nil
}

func address(text string) (uint64, error) {
	v, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(text), "0x"), 16, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, errRange
	case err != nil || v >= maxAddress:
		return 0, errors.New("an address has at most 52 bits")
	}
	return v, nil
}
