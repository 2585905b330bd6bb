package cli

import (
	"errors"
	"io"
	"os"
)

// outlet is the standard output. It remembers the first error: a verdict that did not
// arrive is no success.
type outlet struct {
	w   io.Writer
	err error
}

// Write implements io.Writer. After an error nothing more is written.
func (o *outlet) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	if err != nil {
		o.err = &outletError{err}
	}
	return n, o.err
}

// outletError is an error of the standard output. A command that returns it need not be
// told from what the outlet remembers: it is the same one.
type outletError struct{ err error }

func (e *outletError) Error() string { return "standard output: " + e.err.Error() }
func (e *outletError) Unwrap() error { return e.err }

// told joins what a command returned with what is wrong with its output, said once.
func (o *outlet) told(err error) error {
	if o.err == nil {
		return err
	}
	var out []error
	for _, e := range parts(err) {
		if !errors.Is(e, o.err) {
			out = append(out, e)
		}
	}
	return errors.Join(append(out, o.err)...)
}

// fileOf is the file behind a writer, nil if there is none.
func fileOf(w io.Writer) *os.File {
	if o, ok := w.(*outlet); ok {
		w = o.w
	}
	f, _ := w.(*os.File)
	return f
}
