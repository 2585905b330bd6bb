package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// colored reports whether a writer takes ANSI colours: a terminal that is not
// dumb, unless NO_COLOR is set (no-color.org).
func colored(w io.Writer) bool {
	f := fileOf(w)
	return f != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
