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
	var data []byte
	var err error
	if !during(ctx, func() { data, err = readAll(name, stdin) }) {
		return nil, exitError(exitStopped)
	}
	return data, err
}

func readAll(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, mostInput+1))
	if err != nil {
		return nil, err
	}
	if len(data) > mostInput {
		return nil, fmt.Errorf("%s: more than %d MiB: no scenario is that long", name, mostInput>>20)
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
