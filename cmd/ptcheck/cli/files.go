package cli

import (
	"fmt"
	"io"
	"os"
)

// mostInput bounds what is read of a file, in bytes: no scenario or recording comes
// near it.
const mostInput = 8 << 20

// readInput reads a scenario file or, for the name "-", the standard input.
func readInput(name string, stdin io.Reader) ([]byte, error) {
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

// modeFor is the mode of a file that is written: that of the file of this name, if
// there is one, else what the umask leaves of 0666.
func modeFor(name string) os.FileMode {
	if info, err := os.Stat(name); err == nil {
		return info.Mode().Perm()
	}
	return 0o666 &^ umask()
}
