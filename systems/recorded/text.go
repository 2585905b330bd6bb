package recorded

import (
	"errors"
	"io"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Text writes a recording in its text form, one event a line.
func Text(out io.Writer, name string, open Opener) error {
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := kernel.NewReader(name, in)
	if err != nil {
		return err
	}
	w := kernel.NewWriter(out, &r.Header)
	var e kernel.Event
	for {
		err := r.Next(&e)
		if errors.Is(err, io.EOF) {
			return w.Close(r.Totals, r.Symbols, r.Sites)
		}
		if err != nil {
			return errors.Join(err, w.Flush())
		}
		w.Event(&e)
	}
}
