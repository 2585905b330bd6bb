package serve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/internal/names"
)

// A query is what a state is asked. Its language:
//
//	query   = part {"or" part}
//	part    = term {"and" term}
//	term    = "not" term | "(" query ")" | subject "is" words
//	words   = ["not"] word {["and"] ["not"] word}
//	subject = FRAME | FRAME[SLOT] | "some frame" | "no frame" | "every frame" | REGISTER
//
// After "and" a new subject begins a new term; "a", "an", "the" and "somewhere" mean
// nothing. All words of a term are about the same frame, entry or register. So
// "f5 is a pinned L1 and writable somewhere" asks what it seems to.
type query func(*seenState) bool

// parser reads a query, a word at a time.
type parser struct {
	words []string
	at    int
	depth int // of parentheses and of "not"
}

// Bounds of a query: more is no question of a person's.
const (
	longestQuery = 400
	deepestQuery = 20
)

// parseQuery reads a query. Errors are plain sentences.
func parseQuery(text string) (query, error) {
	if len(text) > longestQuery {
		return nil, fmt.Errorf("a query of %d characters: at most %d are read", len(text), longestQuery)
	}
	spaced := strings.NewReplacer("(", " ( ", ")", " ) ", ",", " ").Replace(text)
	p := &parser{}
	for _, w := range strings.Fields(spaced) {
		if !slices.Contains([]string{"a", "an", "the", "somewhere"}, strings.ToLower(w)) {
			p.words = append(p.words, w)
		}
	}
	if len(p.words) == 0 {
		return nil, fmt.Errorf("an empty query")
	}
	q, err := p.query()
	if err == nil && p.at < len(p.words) {
		err = fmt.Errorf("%q does not belong there", p.peek())
	}
	return q, err
}

func (p *parser) peek() string {
	if p.at == len(p.words) {
		return ""
	}
	return p.words[p.at]
}

// accept takes a word if it is the next one.
func (p *parser) accept(word string) bool {
	if !strings.EqualFold(p.peek(), word) {
		return false
	}
	p.at++
	return true
}

func (p *parser) query() (query, error) {
	return p.chain("or", p.part, func(a, b bool) bool { return a || b })
}

func (p *parser) part() (query, error) {
	return p.chain("and", p.term, func(a, b bool) bool { return a && b })
}

// chain reads what a word joins.
func (p *parser) chain(word string, read func() (query, error), join func(a, b bool) bool) (query, error) {
	q, err := read()
	for err == nil && p.accept(word) {
		var next query
		if next, err = read(); err == nil {
			one := q
			q = func(s *seenState) bool { return join(one(s), next(s)) }
		}
	}
	return q, err
}

func (p *parser) term() (query, error) {
	if p.depth++; p.depth > deepestQuery {
		return nil, fmt.Errorf("more than %d parentheses and negations within each other", deepestQuery)
	}
	defer func() { p.depth-- }()
	switch {
	case p.accept("not"):
		q, err := p.term()
		if err != nil {
			return nil, err
		}
		return func(s *seenState) bool { return !q(s) }, nil
	case p.accept("("):
		q, err := p.query()
		if err == nil && !p.accept(")") {
			err = fmt.Errorf("a parenthesis is not closed")
		}
		return q, err
	}
	x, err := p.subject()
	if err != nil {
		return nil, err
	}
	if !p.accept("is") {
		return nil, fmt.Errorf("want \"is\" after %q, not %q", p.words[p.at-1], p.peek())
	}
	tests, err := p.properties(x)
	if err != nil {
		return nil, err
	}
	return func(s *seenState) bool { return x.holds(s, tests) }, nil
}

// subject reads what a term is about.
func (p *parser) subject() (subject, error) {
	word := p.peek()
	if word == "" {
		return subject{}, fmt.Errorf("the query ends where a frame, an entry or a register should stand")
	}
	p.at++
	for _, q := range []quantity{someFrame, noFrame, everyFrame} {
		if strings.EqualFold(word, q.word()) {
			if !p.accept("frame") {
				return subject{}, fmt.Errorf("want \"%s frame\", not %q", q.word(), word+" "+p.peek())
			}
			return subject{quantity: q}, nil
		}
	}
	if table, slot, ok := cutSlot(word); ok {
		return subject{quantity: oneEntry, name: table, slot: slot}, nil
	}
	if isFrameName(word) {
		return subject{quantity: oneFrame, name: word}, nil
	}
	return subject{quantity: oneRegister, name: word}, nil
}

// begins reports whether a term begins after the next word, which is "and".
func (p *parser) begins() bool {
	rest := p.words[min(p.at+1, len(p.words)):]
	for len(rest) > 0 && (strings.EqualFold(rest[0], "not") || rest[0] == "(") {
		rest = rest[1:]
	}
	for n := 1; n <= 2 && n < len(rest); n++ { // "f5 is", "some frame is"
		if strings.EqualFold(rest[n], "is") {
			return true
		}
	}
	return false
}

// properties reads the words about a subject.
func (p *parser) properties(x subject) ([]test, error) {
	var out []test
	for {
		not := p.accept("not")
		word := p.peek()
		if word == "" || strings.EqualFold(word, "and") || strings.EqualFold(word, "or") || word == "(" || word == ")" {
			return nil, fmt.Errorf("the word is missing that says what %s is", x)
		}
		p.at++
		t, err := x.test(word)
		if err != nil {
			return nil, err
		}
		out = append(out, test{t, not})
		if strings.EqualFold(p.peek(), "and") && !p.begins() {
			p.at++
			continue
		}
		switch next := strings.ToLower(p.peek()); next {
		case "", "and", "or", ")":
			return out, nil
		}
	}
}

// unknownWord says which words there are.
func unknownWord(what, word string, list []string) error {
	return fmt.Errorf("%s cannot be %q%s; there are %s", what, word, names.DidYouMean(word, list), strings.Join(list, ", "))
}
