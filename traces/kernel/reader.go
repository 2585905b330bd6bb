package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Reader reads a recording. Every error is an [*Error], except io.EOF.
type Reader struct {
	Header  Header
	Totals  Totals   // after the last event
	Symbols []Symbol // after the last event, by address if the recorder sorted them
	Sites   []Site   // after the last event, as they stand in the recording

	l     *lines
	first []byte // the first line behind the header; nil: it has been read
	cpu   int
	done  bool
	seen  counts
}

// counts are the numbers of lines by which totals are checked.
type counts struct{ stores, controls, flushes, hypercalls, differences uint64 }

// NewReader reads the header of a recording, which may be compressed by gzip. The name is
// for errors.
func NewReader(name string, r io.Reader) (*Reader, error) {
	l, err := newLines(name, r)
	if err != nil {
		return nil, err
	}
	rd := &Reader{l: l}
	if err := rd.magic(); err != nil {
		return nil, err
	}
	return rd, rd.header()
}

// IsRecording reports whether a file that begins with some bytes says that it is a
// recording, compressed or not. A few hundred bytes are enough.
func IsRecording(head []byte) bool {
	l, err := newLines("", bytes.NewReader(head))
	if err != nil {
		return false
	}
	b, _ := l.in.Peek(len(magic) + 1)
	return string(b) == magic+" "
}

func (r *Reader) magic() error {
	line, err := r.l.next()
	word, version, _ := strings.Cut(string(line), " ")
	switch {
	case errors.Is(err, io.EOF):
		return &Error{File: r.l.name, Reason: "the file is empty"}
	case err != nil && r.l.no > 1:
		return err
	case err != nil, word != magic:
		return r.l.errorf("this is no recording: its first line is not \"%s %d\"", magic, Version)
	case version != fmt.Sprint(Version):
		return r.l.errorf("this is a recording of version %.20q; this ptcheck reads version %d", version, Version)
	}
	return nil
}

// header reads the lines in front of the first event.
func (r *Reader) header() error {
	for {
		line, err := r.l.next()
		if errors.Is(err, io.EOF) {
			return r.truncated("it has a header only")
		} else if err != nil {
			return err
		}
		if !isHeader(line) || bytes.HasPrefix(line, []byte(endMark)) {
			r.first = bytes.Clone(line)
			break
		}
		if err := r.headerLine(line); err != nil {
			return r.l.errorf("%w", err)
		}
	}
	if err := r.Header.check(); err != nil {
		return r.l.errorf("%w", err)
	}
	return nil
}

// isHeader reports whether a line can be one of the header.
func isHeader(line []byte) bool {
	return bytes.HasPrefix(line, []byte("# ")) || bytes.HasPrefix(line, []byte("e820 "))
}

// maxPairs and maxRanges bound the header.
const (
	maxPairs  = 1000
	maxRanges = 1000
)

func (r *Reader) headerLine(line []byte) error {
	f := fields{rest: line}
	if string(f.word()) == "e820" {
		g := Range{Start: f.hex("start of the range"), End: f.hex("end of the range")}
		g.Kind = string(f.word())
		switch {
		case f.err == nil && g.Kind == "":
			return errors.New("the kind of the range is missing")
		case f.err == nil && g.Start >= g.End:
			return fmt.Errorf("the range is empty: %x to %x", g.Start, g.End)
		case len(r.Header.E820) == maxRanges:
			return fmt.Errorf("more than %d ranges of memory", maxRanges)
		}
		r.Header.E820 = append(r.Header.E820, g)
		return f.end()
	}
	p := Pair{Key: string(f.word()), Value: string(f.rest)}
	switch {
	case p.Key == "":
		return errors.New("want \"# key value\"")
	case r.Header.Value(p.Key) != "":
		return fmt.Errorf("%q is there twice", p.Key)
	case len(r.Header.Pairs) == maxPairs:
		return fmt.Errorf("more than %d lines \"# key value\"", maxPairs)
	}
	r.Header.Pairs = append(r.Header.Pairs, p)
	return nil
}

// line is the next line behind the header.
func (r *Reader) line() ([]byte, error) {
	if b := r.first; b != nil {
		r.first = nil
		return b, nil
	}
	return r.l.next()
}

// Next reads the next event. Behind the last one it reads what follows the events, and
// returns io.EOF.
func (r *Reader) Next(e *Event) error {
	if r.done {
		return io.EOF
	}
	for {
		line, err := r.line()
		switch {
		case errors.Is(err, io.EOF):
			return r.truncated("it has no line \"# end\"")
		case err != nil:
			return err
		case bytes.HasPrefix(line, []byte(endMark)):
			return r.end(line)
		case bytes.HasPrefix(line, []byte("V ")):
			f := fields{rest: line[2:]}
			r.cpu = f.small("processor", 0, maxCPU)
			if err := f.end(); err != nil {
				return r.l.errorf("%w", err)
			}
			continue
		}
		e.Line, e.CPU = r.l.no, r.cpu
		if err := e.parse(line); err != nil {
			return r.l.errorf("%w", err)
		}
		r.seen.add(e)
		return nil
	}
}

// maxCPU is the highest number of a processor.
const maxCPU = 63

func (c *counts) add(e *Event) {
	switch e.Kind {
	case Store:
		c.stores++
	case Control:
		c.controls++
	case Invlpg, Invpcid:
		c.flushes++
	case Hypercall:
		c.hypercalls++
	case Differs:
		c.differences++
	}
}

// truncated says that the recording is not whole.
func (r *Reader) truncated(why string) error {
	return r.l.errorf("the recording is truncated: %s", why)
}

// Line is the number of the last line that was read, counted from 1.
func (r *Reader) Line() int { return r.l.no }

// Name is the name of the recording.
func (r *Reader) Name() string { return r.l.name }

// Errorf is an error at the last line that was read.
func (r *Reader) Errorf(format string, args ...any) error { return r.l.errorf(format, args...) }
