// Command ptcheck checks the boot pagetable protocol: it searches the real hook
// code exhaustively, boots recorded configurations and replays scenarios.
package main

import (
	"os"

	"github.com/ptcheck/ptcheck/cmd/ptcheck/cli"
	"github.com/ptcheck/ptcheck/systems/all"
)

func main() { os.Exit(cli.Main(all.Systems()...)) }
