// Package cmmu is a worked example of hooks in C: c/mmu.c has the hooks of a bare machine
// and of a guest of Xen, and c/mistakes.c has some with a mistake.
//
// docs/c-hooks.md leads through it; ptcheck init --c starts a module from its mmu.c.
package cmmu

import (
	"embed"

	"github.com/ptcheck/ptcheck/hooks/chooks"
)

//go:embed c
var code embed.FS

// Build compiles the hooks.
func Build() (*chooks.Program, error) { return chooks.Build(code) }

// MMU is the text of c/mmu.c.
func MMU() ([]byte, error) { return code.ReadFile("c/mmu.c") }
