// Command ptcheck-run runs kernels' machine code for ptcheck in the Unicorn emulator, in a
// process of its own: requests come in on standard input, answers go out on standard output.
// README.md describes both, and the licence, which is not ptcheck's.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/pipe"
	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

func main() {
	lib := flag.String("lib", "libunicorn.so.2", "the emulator's library, version 2.1 or newer")
	flag.Parse()
	if err := run(*lib); err != nil {
		fmt.Fprintf(os.Stderr, "ptcheck-run: %v\n", err)
		os.Exit(2)
	}
}

func run(path string) error {
	lib, err := unicorn.Load(path)
	if err != nil {
		return err
	}
	return pipe.Serve(lib, os.Stdin, os.Stdout)
}
