package show

import (
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// Complete completes a line: it returns what all words have in common that its last word
// can become, with a space behind it where there is only one, and those words, sorted.
func (s *Session) Complete(line string) (string, []string) {
	start := strings.LastIndexByte(line, ' ') + 1
	head, word := line[:start], line[start:]
	if line == "" {
		return "", nil
	}
	var fit []string
	for _, w := range s.words(strings.Fields(head)) {
		if strings.HasPrefix(w, word) {
			fit = append(fit, w)
		}
	}
	slices.Sort(fit)
	fit = slices.Compact(fit)
	switch len(fit) {
	case 0:
		return line, nil
	case 1:
		return head + fit[0] + " ", fit
	}
	return head + common(fit), fit
}

// common is how sorted words all begin.
func common(words []string) string {
	first, last := words[0], words[len(words)-1]
	n := 0
	for n < min(len(first), len(last)) && first[n] == last[n] {
		n++
	}
	return first[:n]
}

// words are those that may follow others.
func (s *Session) words(before []string) []string {
	if len(before) == 0 {
		return Names()
	}
	for _, c := range commands() {
		if slices.Contains(c.names, before[0]) && c.words != nil && len(before) == 1 {
			return c.words(s)
		}
	}
	return nil
}

// stopWords are where a break may be: functions of the run with and without their packages,
// rules and ways to die.
func (s *Session) stopWords() []string {
	out := ruleWords()
	for _, f := range s.functions() {
		out = append(out, f)
		if _, short, ok := strings.Cut(f, "."); ok {
			out = append(out, short)
		}
	}
	return out
}

func (s *Session) breakWords() (out []string) {
	for _, b := range s.breaks {
		out = append(out, b.name)
	}
	return out
}

func (s *Session) watchWords() (out []string) {
	for _, w := range s.watches {
		out = append(out, w.name)
	}
	return out
}

// frameWords are the frames of small machines: of large ones there are too many to choose
// from.
func (s *Session) frameWords() (out []string) {
	const most = 4096
	_ = s.look(func(st *model.State) error { // what cannot be played has no words
		for f := range min(model.Frame(st.L.Map.Frames()), most) {
			out = append(out, s.frameName(st, f))
		}
		return nil
	})
	return out
}
