package cli

import (
	"context"
	"fmt"
	"io"
	"os"
)

// mostInput bounds what is read of a file, in bytes: no scenario or recording comes
// near it.
const mostInput = 8 << 20

// readInput reads a scenario file or, for the name "-", the standard input. It gives up
// when ctx ends: nobody may ever write to the other end of a pipe.
func readInput(ctx context.Context, name string, stdin io.Reader) ([]byte, error) {
	return readBounded(ctx, name, stdin, mostInput, "scenario")
}

// readBounded is readInput for files of a kind, of which none is longer than so many bytes.
func readBounded(ctx context.Context, name string, stdin io.Reader, most int64, kind string) ([]byte, error) {
	var data []byte
	var err error
	if !during(ctx, func() { data, err = readAll(name, stdin, most, kind) }) {
		return nil, exitError(exitStopped)
	}
	return data, err
}

func readAll(name string, stdin io.Reader, most int64, kind string) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s: more than %d MiB: no %s is that long", name, most>>20, kind)
	}
	return data, nil
}

// during does something and reports whether it was done before ctx ended. What is not
// goes on by itself, and must not be looked at any more; the program is about to end.
func during(ctx context.Context, do func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
