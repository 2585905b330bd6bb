package reports

import "strings"

// width is the number of columns of a text report.
const width = 72

// style is how a line looks on a terminal.
type style int

const (
	plain style = iota
	strong
	bad
	good
	removed
	added
)

// escape is the ANSI sequence that switches a style on.
func (s style) escape() string {
	return [...]string{"", "\x1b[1m", "\x1b[1;31m", "\x1b[32m", "\x1b[31m", "\x1b[32m"}[s]
}

// textPage is text of limited width.
type textPage struct {
	b     strings.Builder
	color bool
}

func (p *textPage) blank() { p.b.WriteByte('\n') }

// title starts a part.
func (p *textPage) title(text string) {
	p.blank()
	p.fold(strong, "", text)
}

// put writes a line that fits.
func (p *textPage) put(st style, line string) {
	line = strings.TrimRight(line, " ")
	if p.color && st != plain && line != "" {
		line = st.escape() + line + "\x1b[0m"
	}
	p.b.WriteString(line)
	p.b.WriteByte('\n')
}

// fold writes text after a prefix, folded at spaces to the width of the page;
// further lines are indented like the prefix.
func (p *textPage) fold(st style, prefix, text string) {
	prefix = ascii(prefix)
	room := width - len(prefix)
	line := ""
	flush := func() {
		p.put(st, prefix+line)
		prefix, line = strings.Repeat(" ", len(prefix)), ""
	}
	for i, word := range strings.Split(ascii(text), " ") {
		if i > 0 {
			if len(line)+1+len(word) > room {
				flush()
			} else {
				line += " "
			}
		}
		for len(line)+len(word) > room {
			n := room - len(line)
			line += word[:n]
			word = word[n:]
			flush()
		}
		line += word
	}
	flush()
}

// row writes a line whose columns are already laid out, or several of them; one
// that does not fit is folded under its own indent.
func (p *textPage) row(st style, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		body := strings.TrimLeft(line, " ")
		p.fold(st, line[:len(line)-len(body)], body)
	}
}

// join puts a place at the right of a line, or on a line of its own below it.
func join(line, place string) string {
	const column = 40
	if len(line) < column && column+len(place) <= width {
		return line + strings.Repeat(" ", column-len(line)) + place
	}
	if len(line)+2+len(place) <= width {
		return line + "  " + place
	}
	return line + "\n        at " + place
}

// command writes a command line that a shell takes as it stands: one that is too
// long goes on after a backslash.
func (p *textPage) command(text string) {
	text = ascii(text)
	for len(text) > width {
		cut := strings.LastIndexByte(text[:width-1], ' ') + 1
		if cut < width/2 {
			cut = width - 1
		}
		p.b.WriteString(text[:cut] + "\\\n")
		text = text[cut:]
	}
	p.put(strong, text)
}

// ascii replaces what a plain mail cannot hold.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, text)
}

// printable replaces control characters, lines apart.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}
