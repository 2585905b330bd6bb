package cli

import (
	"bytes"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/ptcheck/ptcheck/internal/columns"
)

// colored reports whether a writer takes ANSI colours: a terminal that is not
// dumb, unless NO_COLOR is set (no-color.org).
func colored(w io.Writer) bool {
	f := fileOf(w)
	return f != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// columnsOf is the width of the terminal behind a writer, 0 if there is none.
func columnsOf(w io.Writer) int {
	f := fileOf(w)
	if f == nil {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// folded collects text whose lines are folded to a width when it is written; 0: as they
// are.
type folded struct {
	bytes.Buffer
	width int
}

// WriteTo implements io.WriterTo.
func (f *folded) WriteTo(w io.Writer) (int64, error) {
	text := f.String()
	if f.width > 0 {
		text = columns.Page(text, max(f.width, columns.Width/2))
	}
	n, err := io.WriteString(w, text)
	return int64(n), err
}
