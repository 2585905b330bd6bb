// Package columns lays text out for a page of a given width.
package columns

import (
	"slices"
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

// Page folds a text that is too wide for a width. Lines are folded one by one, but for
// paragraphs and for rows of a table that go on in further lines: these are filled anew as a
// whole. What follows is indented as the line is; in a row of a table, whose parts are two spaces
// or more away from each other, as its last part is.
func Page(text string, width int) string {
	var out []string
	for lines := strings.Split(text, "\n"); len(lines) > 0; {
		n := together(lines)
		if first := lines[0]; slices.ContainsFunc(lines[:n], func(l string) bool { return utf8.RuneCountInString(l) > width }) {
			at := hang(first)
			out = append(out, Fold(strings.Join(lines[:n], " ")[at:], first[:at], strings.Repeat(" ", at), width)...)
		} else {
			out = append(out, lines[:n]...)
		}
		lines = lines[n:]
	}
	return strings.Join(out, "\n")
}

// together is how many lines belong to the first one: those of its paragraph, or of its row in
// a table.
func together(lines []string) int {
	first := lines[0]
	at, n := hang(first), 1
	if strings.TrimSpace(first) == "" || at == 0 && strings.Contains(first, "  ") || at > 0 && at == indent(first) {
		return n
	}
	for n < len(lines) && goesOn(lines[n], at) {
		n++
	}
	return n
}

// goesOn reports whether a line is text alone, and begins where the line before goes on.
func goesOn(line string, at int) bool {
	return strings.TrimSpace(line) != "" && indent(line) == at && !strings.Contains(line[at:], "  ")
}

// indent is how far a line is indented.
func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// hang is where the last part of a line begins.
func hang(line string) int {
	n := indent(line)
	if n == 0 {
		return 0
	}
	if gap := strings.Index(line[n:], "  "); gap >= 0 {
		return n + gap + indent(line[n+gap:])
	}
	return n
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
