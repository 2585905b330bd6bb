package cli

import (
	"fmt"
	"io"
	"os"
)

// outlet is the standard output. It remembers the first error: a verdict that did not
// arrive is no success.
type outlet struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// failure is what went wrong, nil if nothing did.
func (o *outlet) failure() error {
	if o.err == nil {
		return nil
	}
	return fmt.Errorf("standard output: %w", o.err)
}

// fileOf is the file behind a writer, nil if there is none.
func fileOf(w io.Writer) *os.File {
	if o, ok := w.(*outlet); ok {
		w = o.w
	}
	f, _ := w.(*os.File)
	return f
}
