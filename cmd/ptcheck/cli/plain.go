package cli

import (
	"slices"
	"strings"

	fit "github.com/ptcheck/ptcheck/internal/printable"
)

// inside are the packages whose errors begin with their names. Users do not care where
// in the program a sentence comes from. A test holds the list against the module.
func inside() []string {
	return []string{"audit", "boot", "corpus", "drawn", "drive", "golden", "hooks", "hostile", "image", "invariants", "kernel", "lab", "life", "model",
		"mutants", "native", "pagemap", "pvdp", "record", "reports", "script", "shards", "shrink", "show", "systems", "view", "xen", "xenlab"}
}

// plainly is what a user is told of an error: without names of packages in front, and
// fit for a terminal.
func plainly(err error) string {
	text := err.Error()
	for {
		name, rest, ok := strings.Cut(text, ": ")
		if !ok || !slices.Contains(inside(), name) {
			return fit.Text(text)
		}
		text = rest
	}
}
