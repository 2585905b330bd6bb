package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/klauspost/compress/gzip"

	"github.com/ptcheck/ptcheck/traces/kernel"
	"github.com/ptcheck/ptcheck/traces/kernel/symbols"
)

// events are the lines that the plugin writes, compressed into a file while they come. What
// stands in front of them in a recording is known at the end only. A file of gzip may have
// several members: the events are one.
type events struct {
	file   *os.File
	zip    *gzip.Writer
	part   []byte // of a line whose rest is still to come
	totals []byte // the last line: "# end ..."
	late   bool   // the boot's time was up

	code   map[uint64]bool // addresses of instructions that occur
	places map[uint64]symbols.Instruction
}

// level is how well events are compressed: recording must not cost much.
const level = 3

func newEvents(path string) (*events, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	z, err := gzip.NewWriterLevel(f, level)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("recorder: %w", err), f.Close())
	}
	return &events{file: f, zip: z, code: map[uint64]bool{}, places: map[uint64]symbols.Instruction{}}, nil
}

// endMark begins the last line.
const endMark = "# end "

// Write implements io.Writer.
func (e *events) Write(p []byte) (int, error) {
	rest := p
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			e.part = append(e.part, rest...)
			return len(p), nil
		}
		line := rest[:i+1]
		if len(e.part) > 0 {
			e.part = append(e.part, line...)
			line = e.part
		}
		rest = rest[i+1:]
		if err := e.line(line); err != nil {
			return 0, err
		}
		e.part = e.part[:0]
	}
}

// line takes one line with its end.
func (e *events) line(line []byte) error {
	if bytes.HasPrefix(line, []byte(endMark)) {
		e.totals = bytes.Clone(line[:len(line)-1])
		return nil
	}
	e.note(line)
	_, err := e.zip.Write(line)
	return err
}

// note notes the addresses of code in a line: of the instruction, and of its callers.
func (e *events) note(line []byte) {
	switch line[0] {
	case 'S', 'C', 'I', 'P', 'H':
	default:
		return
	}
	at := hexAt(line, 2)
	e.code[at] = true
	switch line[0] {
	case 'C':
		e.places[at] = symbols.LoadCR
	case 'I':
		e.places[at] = symbols.Invlpg
	}
	for i := bytes.IndexByte(line, '@'); i >= 0 && i < len(line); {
		e.code[hexAt(line, i+1)] = true
		next := bytes.IndexByte(line[i+1:], ',')
		if next < 0 {
			break
		}
		i += 1 + next
	}
}

// hexAt is the number at a place of a line.
func hexAt(line []byte, at int) (v uint64) {
	for ; at < len(line); at++ {
		c := line[at]
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return v
		}
	}
	return v
}

func (e *events) close() error {
	if err := errors.Join(e.zip.Close(), e.file.Close()); err != nil {
		return fmt.Errorf("recorder: %w", err)
	}
	return nil
}

// readTotals reads the plugin's last line.
func (e *events) readTotals() kernel.Totals {
	var list kernel.Totals
	words := bytes.Fields(e.totals[min(len(endMark), len(e.totals)):])
	for i := 0; i+1 < len(words); i += 2 {
		if n, err := strconv.ParseUint(string(words[i+1]), 10, 64); err == nil {
			list = append(list, kernel.Total{Name: string(words[i]), Count: n})
		}
	}
	return list
}

// assemble writes the recording: header, events and what follows them, each a member of a
// file of gzip. The file is there whole or not at all.
func (e *events) assemble(to string, h *kernel.Header, t *tailPart) (err error) {
	if target, err := filepath.EvalSymlinks(to); err == nil {
		to = target
	}
	tmp, err := os.CreateTemp(filepath.Dir(to), ".ptcheck-*")
	if err != nil {
		return fmt.Errorf("recorder: %w", err)
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
			err = fmt.Errorf("recorder: %s: %w", to, err)
		}
	}()
	var head, rest bytes.Buffer
	kernel.NewWriter(&head, h).Flush()
	if err := kernel.NewTailWriter(&rest).Close(t.totals, t.symbols, t.sites); err != nil {
		return err
	}
	if err := member(tmp, head.Bytes()); err != nil {
		return err
	}
	if err := copyFile(tmp, e.file.Name()); err != nil {
		return err
	}
	if err := member(tmp, rest.Bytes()); err != nil {
		return err
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), to)
}

// member writes a member of a file of gzip.
func member(w io.Writer, b []byte) error {
	z := gzip.NewWriter(w)
	_, err := z.Write(b)
	return errors.Join(err, z.Close())
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
