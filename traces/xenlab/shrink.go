package xenlab

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// Differs tells for each of some scripts whether it still shows what is being
// looked for. It is asked about many at once, so that they can share a boot
// (see RunBatch).
type Differs func(ctx context.Context, scripts [][]byte) ([]bool, error)

// OneByOne makes a Differs of a function that judges a single script.
func OneByOne(differs func(ctx context.Context, script []byte) (bool, error)) Differs {
	return func(ctx context.Context, scripts [][]byte) ([]bool, error) {
		verdicts := make([]bool, len(scripts))
		for i, s := range scripts {
			var err error
			if verdicts[i], err = differs(ctx, s); err != nil {
				return nil, err
			}
		}
		return verdicts, nil
	}
}

// A Shrunk is the result of Shrink.
type Shrunk struct {
	Script []byte
	Rounds int  // how often differs was asked
	Done   bool // no smaller script was found; false when the rounds ran out
}

// Shrink looks for a small script for which differs holds, given one for which
// it does: first the scenarios that are needed, then fewer operations (both by
// ddmin), then simpler ones. It asks at most so many rounds; each is a boot or
// two. The result begins with a reset; titles and comments are dropped.
func Shrink(ctx context.Context, script []byte, rounds int, differs Differs) (*Shrunk, error) {
	s := &shrinker{ctx: ctx, differs: differs, rounds: rounds, known: map[string]bool{}}
	lines := flatten(minimise(s, scenarios(script), flatten))
	for before := ""; s.err == nil && before != text(lines); {
		before = text(lines)
		lines = minimise(s, trimResets(lines), withReset)
		lines = s.simplify(withReset(lines))
	}
	if s.err != nil {
		return nil, fmt.Errorf("oracle: shrink: %w", s.err)
	}
	return &Shrunk{Script: []byte(text(lines)), Rounds: s.asked, Done: s.asked < rounds}, nil
}

// scenarios cuts a script into operations, grouped by scenario.
func scenarios(script []byte) [][]string {
	var groups [][]string
	for line := range bytes.Lines(script) {
		op := operation(string(line))
		if op == "" {
			continue
		}
		if op == "reset" || len(groups) == 0 {
			groups = append(groups, nil)
		}
		last := &groups[len(groups)-1]
		code, _, _ := strings.Cut(string(line), "#")
		*last = append(*last, strings.TrimSpace(code))
	}
	return groups
}

// operation returns the name of a line's operation, "" if it has none.
func operation(line string) string {
	line, _, _ = strings.Cut(line, "#")
	words := strings.Fields(line)
	if len(words) == 0 || words[0] == "t" {
		return ""
	}
	return words[0]
}

func trimResets(lines []string) []string {
	for len(lines) > 0 && lines[0] == "reset" {
		lines = lines[1:]
	}
	return lines
}

func withReset(lines []string) []string {
	return append([]string{"reset"}, trimResets(lines)...)
}

func flatten(groups [][]string) []string {
	var lines []string
	for _, g := range groups {
		lines = append(lines, g...)
	}
	return lines
}

func text(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// A shrinker asks, remembers the answers, and stops asking when its rounds are
// used up or something fails.
type shrinker struct {
	ctx     context.Context
	differs Differs
	rounds  int
	asked   int
	known   map[string]bool
	err     error
}

// ask returns the indexes of the candidates that differ.
func (s *shrinker) ask(candidates [][]string) []int {
	var unknown [][]byte
	for _, c := range candidates {
		if _, ok := s.known[text(c)]; !ok {
			unknown = append(unknown, []byte(text(c)))
		}
	}
	if len(unknown) > 0 {
		if s.err != nil || s.asked == s.rounds {
			return nil
		}
		s.asked++
		verdicts, err := s.differs(s.ctx, unknown)
		if err != nil {
			s.err = err
			return nil
		}
		for i, v := range verdicts {
			s.known[string(unknown[i])] = v
		}
	}
	var differ []int
	for i, c := range candidates {
		if s.known[text(c)] {
			differ = append(differ, i)
		}
	}
	return differ
}

// minimise is ddmin: it takes away parts of items, smaller ones each time, as
// long as the rest still differs. One round asks about all parts of a size, if
// one alone is enough and which can go; another one how many can go together.
func minimise[T any](s *shrinker, items []T, lines func([]T) []string) []T {
	for n := 2; len(items) > 1; {
		n = min(n, len(items))
		spans := parts(len(items), n)
		var candidates [][]string
		for _, p := range spans {
			candidates = append(candidates, lines(items[p.before:p.before+p.lines]))
		}
		for _, p := range spans {
			candidates = append(candidates, lines(without(items, p)))
		}
		differ := s.ask(candidates)
		switch {
		case len(differ) > 0 && differ[0] < n:
			p := spans[differ[0]]
			items, n = items[p.before:p.before+p.lines], 2
		case len(differ) > 0:
			gone := s.together(differ, func(k int) []string {
				return lines(without(items, choose(spans, differ[:k], n)...))
			})
			items, n = without(items, choose(spans, differ[:gone], n)...), max(n-gone, 2)
		case n == len(items):
			return items
		default:
			n *= 2
		}
	}
	return items
}

// together returns how many of some parts, which can go one by one, can go at
// once: the most of the first ones, but at least one.
func (s *shrinker) together(parts []int, rest func(k int) []string) int {
	var candidates [][]string
	for k := len(parts); k > 1; k-- {
		candidates = append(candidates, rest(k))
	}
	if differ := s.ask(candidates); len(differ) > 0 {
		return len(parts) - differ[0]
	}
	return 1
}

// choose returns the spans whose complements have the given indexes.
func choose(spans []span, complements []int, n int) []span {
	var chosen []span
	for _, i := range complements {
		chosen = append(chosen, spans[i-n])
	}
	return chosen
}

// parts cuts 0..size into n spans of nearly the same length.
func parts(size, n int) []span {
	spans := make([]span, n)
	for i := range spans {
		from, to := i*size/n, (i+1)*size/n
		spans[i] = span{from, to - from}
	}
	return spans
}

// without returns items without some spans of them, which are in order.
func without[T any](items []T, gone ...span) []T {
	var rest []T
	at := 0
	for _, p := range gone {
		rest = append(rest, items[at:p.before]...)
		at = p.before + p.lines
	}
	return append(rest, items[at:]...)
}

// simplify replaces operations by simpler ones, in one round per success.
func (s *shrinker) simplify(lines []string) []string {
	for {
		var candidates [][]string
		for i, l := range lines {
			for _, v := range simpler(l) {
				c := append([]string(nil), lines...)
				c[i] = v
				candidates = append(candidates, c)
			}
		}
		differ := s.ask(candidates)
		if len(differ) == 0 {
			return lines
		}
		lines = candidates[differ[0]]
	}
}

// simpler returns operations that are a bit simpler than a given one.
func simpler(line string) []string {
	var out []string
	words := strings.Fields(line)
	with := func(i int, w ...string) {
		changed := append([]string(nil), words[:i]...)
		changed = append(changed, w...)
		out = append(out, strings.Join(append(changed, words[i+1:]...), " "))
	}
	switch words[0] {
	case "mua", "mapnf":
		with(0, map[string]string{"mua": "mu", "mapnf": "map"}[words[0]])
	case "mus":
		if len(words) == 4 {
			with(0, "mu")
			break
		}
		for i := 2; i+1 < len(words); i += 2 {
			rest := append(append([]string(nil), words[:i]...), words[i+2:]...)
			out = append(out, strings.Join(rest, " "))
		}
	}
	for i, w := range words {
		frame, flags, isEntry := strings.Cut(w, ":")
		if !isEntry {
			continue
		}
		letters, more, _ := strings.Cut(flags, "+")
		if more != "" {
			with(i, pair(frame, letters))
			continue
		}
		for j := 1; j < len(letters); j++ { // the first, P mostly, stays
			with(i, pair(frame, letters[:j]+letters[j+1:]))
		}
	}
	return out
}
