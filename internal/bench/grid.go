package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// grid is a table in Markdown.
type grid struct{ rows [][]string }

// newGrid begins one with the names of its columns.
func newGrid(columns ...string) *grid { return &grid{rows: [][]string{columns}} }

// row adds a row. What is no text is printed as it is by default.
func (g *grid) row(cells ...any) {
	var row []string
	for _, c := range cells {
		row = append(row, fmt.Sprint(c))
	}
	g.rows = append(g.rows, row)
}

// print writes the table.
func (g *grid) print(w io.Writer) error {
	var s strings.Builder
	for i, r := range g.rows {
		s.WriteString("| " + strings.Join(r, " | ") + " |\n")
		if i == 0 {
			s.WriteString(strings.Repeat("|---", len(r)) + "|\n")
		}
	}
	_, err := io.WriteString(w, s.String())
	return err
}

// thousands writes a number in groups of three digits.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// digits writes a number with three digits that count, and no more behind the point than
// these take.
func digits(x float64) string {
	switch {
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}
