package kernel

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// maxLine is the longest line in bytes.
const maxLine = 1 << 14

// lines reads the lines of a recording, compressed or not.
type lines struct {
	name string
	in   *bufio.Reader
	no   int // of the last line, counted from 1
}

func newLines(name string, r io.Reader) (*lines, error) {
	l := &lines{name: name}
	raw := bufio.NewReaderSize(r, maxLine)
	head, err := raw.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, l.errorf("it cannot be read: %w", err)
	}
	l.in = raw
	if bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, l.errorf("it cannot be uncompressed: %w", err)
		}
		l.in = bufio.NewReaderSize(z, maxLine)
	}
	return l, nil
}

// next returns the next line without its end; it is valid until the next one is read. The
// error is io.EOF behind the last.
func (l *lines) next() ([]byte, error) {
	b, err := l.in.ReadSlice('\n')
	if err == nil {
		l.no++
		return b[:len(b)-1], nil
	}
	if errors.Is(err, io.EOF) && len(b) == 0 {
		return nil, io.EOF
	}
	l.no++
	switch {
	case errors.Is(err, io.EOF):
		return nil, l.errorf("the recording ends in the middle of a line: it is truncated")
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, l.errorf("the line is longer than %d bytes: no recording has such", maxLine)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, l.errorf("the compressed data ends too early: the recording is truncated")
	}
	return nil, l.errorf("the recording is damaged: %w", err)
}

// errorf is an error at the last line that was read.
func (l *lines) errorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{File: l.name, Line: l.no, Reason: err.Error(), Err: errors.Unwrap(err)}
}
