// Package printable makes text from files fit for a terminal: what a file says must not
// move the cursor, change colours or hide other text.
package printable

import (
	"fmt"
	"strings"
	"unicode"
)

// Line returns a line with everything that is not plainly visible written out: control
// characters, bytes that are no UTF-8, and characters that change direction or have no
// shape of their own. Line ends are written out too; tabs become a blank.
func Line(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case visible(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Text is Line for text of several lines: line ends stay.
func Text(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Line(lines[i])
	}
	return strings.Join(lines, "\n")
}

// Short is Line, cut to so many characters.
func Short(s string, most int) string {
	s = Line(s)
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

// plain reports whether text is all printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// visible reports whether a character shows itself and nothing else.
func visible(r rune) bool { return r == ' ' || unicode.IsGraphic(r) && !unicode.IsSpace(r) }
