package cli

import fit "github.com/ptcheck/ptcheck/internal/printable"

// printable is a line from a file, fit to be shown.
func printable(line string) string { return fit.Line(line) }
