package serve

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/reports"
)

// seenState is a state that is asked something.
type seenState struct {
	*reports.State
	mapped, writable map[string]bool // by frame, as entries of tables in use map them
}

func newSeenState(s *reports.State) *seenState {
	out := &seenState{s, map[string]bool{}, map[string]bool{}}
	for i := range s.Tables {
		for _, e := range s.Tables[i].Entries {
			if e.Kind == reports.PageEntry || e.Kind == reports.LargeEntry {
				out.mapped[e.Frame] = true
				out.writable[e.Frame] = out.writable[e.Frame] || e.Writable
			}
		}
	}
	return out
}

// quantity says what a term is about.
type quantity uint8

const (
	oneFrame quantity = iota
	someFrame
	noFrame
	everyFrame
	oneEntry
	oneRegister
)

// word is what a query calls the frames meant, "" where it names one.
func (q quantity) word() string {
	return [...]string{someFrame: "some", noFrame: "no", everyFrame: "every", oneRegister: ""}[q]
}

// subject is what a term is about.
type subject struct {
	quantity
	name string // of the frame, of the entry's table, or of the register
	slot int
}

func (x subject) String() string {
	switch x.quantity {
	case oneEntry:
		return fmt.Sprintf("%s[%d]", x.name, x.slot)
	case oneFrame, oneRegister:
		return x.name
	}
	return x.word() + " frame"
}

// about is what a test looks at: a frame, an entry, or the value of a register.
type about struct {
	state *seenState
	page  *reports.Page
	entry reports.Entry
	value string
}

// test is a word about a subject, perhaps with "not" before it.
type test struct {
	ok  func(about) bool
	not bool
}

// passes reports whether all tests say yes of one and the same thing.
func passes(a about, tests []test) bool {
	for _, t := range tests {
		if t.ok(a) == t.not {
			return false
		}
	}
	return true
}

// holds reports whether the tests hold for the subject in a state. What a state does not
// have passes none, not even a "not".
func (x subject) holds(s *seenState, tests []test) bool {
	n, all := 0, 0
	switch x.quantity {
	case oneEntry:
		for i := range s.Tables {
			if t := &s.Tables[i]; t.Frame == x.name && x.slot < t.Slots && passes(about{state: s, entry: entryOf(t, x.slot)}, tests) {
				return true
			}
		}
		return false
	case oneRegister:
		return slices.ContainsFunc(s.Registers, func(r reports.Register) bool {
			return sameName(r.Name, x.name) && passes(about{state: s, value: r.Value}, tests)
		})
	}
	for i := range s.Pages {
		p := &s.Pages[i]
		if x.quantity == oneFrame && p.Frame != x.name {
			continue
		}
		all++
		if passes(about{state: s, page: p}, tests) {
			n++
		}
	}
	switch x.quantity {
	case noFrame:
		return n == 0
	case everyFrame:
		return n == all
	}
	return n > 0
}

// entryOf is a slot of a table; an empty one leads nowhere.
func entryOf(t *reports.Table, slot int) reports.Entry {
	for _, e := range t.Entries {
		if e.Slot == slot {
			return e
		}
	}
	return reports.Entry{Slot: slot, Text: "0", Kind: reports.NotPresent}
}

// word is a word about a frame or an entry.
type word struct {
	Name, Says string
	ok         func(about) bool
}

// frameWords are the words about frames.
func frameWords() []word {
	return []word{
		{"table", "in use as a table", func(a about) bool { return a.page.Table }},
		{"root", "a table that a register names, that is pinned, or that is being built", func(a about) bool {
			return a.state.inTable(a.page.Frame, func(t *reports.Table) bool { return t.Root != "" })
		}},
		{"L1", "a table of level 1; L2, L3 and L4 in the same way", levelTest(1)},
		{"L2", "", levelTest(2)}, {"L3", "", levelTest(3)}, {"L4", "", levelTest(4)},
		{"pinned", "pinned by the guest", func(a about) bool { return hasWord(a.page.Type, "pinned") }},
		{"partly-validated", "held by the hypervisor with a part of its entries validated", func(a about) bool {
			return strings.Contains(a.page.Type, "partly validated")
		}},
		{"mapped", "some entry maps it as a page (of a large page: its first frame)", func(a about) bool { return a.state.mapped[a.page.Frame] }},
		{"writable", "some entry maps it writable", func(a about) bool { return a.state.writable[a.page.Frame] }},
		{"free", "not handed out by the boot allocator yet", func(a about) bool { return a.page.Free }},
		{"empty", "holds nothing but zeros", func(a about) bool {
			return !a.state.inTable(a.page.Frame, func(t *reports.Table) bool { return len(t.Entries) > 0 })
		}},
		{"unused", "of no type to the hypervisor", func(a about) bool { return hasWord(a.page.Type, "unused") }},
	}
}

func levelTest(level int) func(about) bool {
	return func(a about) bool {
		return hasWord(a.page.Type, fmt.Sprintf("L%d", level)) ||
			a.state.inTable(a.page.Frame, func(t *reports.Table) bool { return t.Level == level })
	}
}

// inTable reports whether a frame, read as a table, is something.
func (s *seenState) inTable(frame string, is func(*reports.Table) bool) bool {
	for i := range s.Tables {
		if s.Tables[i].Frame == frame && is(&s.Tables[i]) {
			return true
		}
	}
	return false
}

// entryWords are the words about entries: besides them, a frame or a whole entry may
// stand there.
func entryWords() []word {
	out := []word{
		{"present", "leads somewhere", func(a about) bool { return a.entry.Kind != reports.NotPresent }},
		{"zero", "holds nothing", func(a about) bool { return a.entry.Text == "0" }},
	}
	for _, f := range [...]struct{ letter, name, says string }{
		{"W", "writable", "grants writing"}, {"U", "user", "grants user code"}, {"A", "accessed", ""}, {"D", "dirty", ""},
		{"S", "large", "maps a large page"}, {"G", "global", ""}, {"X", "no-execute", ""},
	} {
		out = append(out, word{f.name, f.says, func(a about) bool {
			_, flags, ok := strings.Cut(a.entry.Text, ":")
			return ok && strings.Contains(flags, f.letter)
		}})
	}
	return out
}

// test is the test that a word stands for.
func (x subject) test(text string) (func(about) bool, error) {
	var list []word
	switch x.quantity {
	case oneRegister:
		return func(a about) bool { return sameName(a.value, text) }, nil
	case oneEntry:
		if isFrameName(text) {
			return func(a about) bool { return a.entry.Frame == text }, nil
		}
		if strings.Contains(text, ":") {
			return func(a about) bool { return a.entry.Text == text }, nil
		}
		list = entryWords()
	default:
		list = frameWords()
	}
	var known []string
	for _, w := range list {
		if strings.EqualFold(w.Name, text) {
			return w.ok, nil
		}
		known = append(known, w.Name)
	}
	return nil, unknownWord(x.String(), text, known)
}

// hasWord reports whether a word stands in a text.
func hasWord(text, word string) bool { return slices.Contains(strings.Fields(text), word) }

// sameName compares names of registers, and their values, which may have blanks in them:
// a query writes them with dashes.
func sameName(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, " ", "-"), b)
}

// isFrameName reports whether a word is the name of a frame, such as f12.
func isFrameName(text string) bool {
	return len(text) > 1 && text[0] == 'f' && strings.Trim(text[1:], "0123456789") == ""
}

// cutSlot takes apart f5[3].
func cutSlot(text string) (table string, slot int, ok bool) {
	m := regexp.MustCompile(`^(f\d+)\[(\d{1,4})\]$`).FindStringSubmatch(text)
	if m == nil {
		return "", 0, false
	}
	slot, err := strconv.Atoi(m[2])
	return m[1], slot, err == nil
}
