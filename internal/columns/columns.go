// Package columns lays text out for a page of a given width.
package columns

import (
	"strings"
	"unicode/utf8"
)

// Width is how many columns text may take that is not fitted to a terminal.
const Width = 80

// Fold folds a text at its spaces to a width; the first line follows first, and further
// lines are indented by rest. A word that does not fit stands in a line of its own.
func Fold(text, first, rest string, width int) []string {
	var lines []string
	line, empty := first, true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line, empty = append(lines, line), rest, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	return append(lines, strings.TrimRight(line, " "))
}

// Page folds each line of a text that is too long for a width. What follows is indented
// as the line is; in a row of a table, whose parts are two spaces or more away from each
// other, as its last part is.
func Page(text string, width int) string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if utf8.RuneCountInString(line) <= width {
			out = append(out, line)
			continue
		}
		n := hang(line)
		out = append(out, Fold(line[n:], line[:n], strings.Repeat(" ", n), width)...)
	}
	return strings.Join(out, "\n")
}

// hang is where the last part of a line begins.
func hang(line string) int {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if indent == 0 {
		return 0
	}
	if gap := strings.Index(line[indent:], "  "); gap >= 0 {
		rest := line[indent+gap:]
		return indent + gap + len(rest) - len(strings.TrimLeft(rest, " "))
	}
	return indent
}

// Table lays out rows of a name and a text in two columns.
func Table(rows [][2]string, indent string, width int) string {
	wide := 0
	for _, r := range rows {
		wide = max(wide, utf8.RuneCountInString(r[0]))
	}
	var b strings.Builder
	rest := indent + strings.Repeat(" ", wide+2)
	for _, r := range rows {
		first := indent + r[0] + strings.Repeat(" ", wide+2-utf8.RuneCountInString(r[0]))
		for _, line := range Fold(r[1], first, rest, width) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
