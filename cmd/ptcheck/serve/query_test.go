package serve

import (
	"runtime"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// exits is a bug: the code under test ends the goroutine that it runs on.
func exits() systems.Change {
	return systems.Change{Kernel: func(o *hooks.Ops, _ *hooks.Funcs) {
		start := o.PagetableSetupStart
		o.PagetableSetupStart = func(k *hooks.Kernel, root model.VA) {
			start(k, root)
			runtime.Goexit()
		}
	}}
}

// asked is a state with a root f0, an L1 f5 that f6 and f5 itself map, and a free f9.
func asked() *seenState {
	return newSeenState(&reports.State{
		Registers: []reports.Register{{Name: "CR3", Value: "f0"}, {Name: "next boot page", Value: "f7"}, {Name: "phase", Value: "boot"}},
		Tables: []reports.Table{
			{Frame: "f0", Level: 2, Slots: 4, Root: "CR3", Entries: []reports.Entry{{Slot: 1, Text: "f5:PWUA", Frame: "f5", Kind: reports.TableEntry, Writable: true}}},
			{Frame: "f5", Level: 1, Slots: 4, Entries: []reports.Entry{
				{Slot: 0, Text: "f5:PWUD", Frame: "f5", Kind: reports.PageEntry, Writable: true},
				{Slot: 2, Text: "f6:PU", Frame: "f6", Kind: reports.PageEntry},
				{Slot: 3, Text: "f7:W", Kind: reports.NotPresent},
			}},
		},
		Pages: []reports.Page{
			{Frame: "f0", Type: "L2 x1 pinned", Table: true}, {Frame: "f5", Type: "L1 x2 pinned", Table: true},
			{Frame: "f6", Type: "unused"}, {Frame: "f9", Type: "unused partly validated", Free: true},
		},
	})
}

// TestQuery asks a state.
func TestQuery(t *testing.T) {
	for text, want := range map[string]bool{
		"f5 is a pinned L1 and writable somewhere":          true,
		"f0 is a pinned L1 and writable somewhere":          false,
		"f0 is pinned L2 root":                              true,
		"f5 is root":                                        false,
		"f5 is not root":                                    true,
		"f6 is mapped and not writable":                     true,
		"f6 is mapped and not writable and f5 is table":     true,
		"f6 is mapped and not writable and not f5 is table": false,
		"f99 is not root":                                   false, // there is none
		"not f99 is root":                                   true,
		"some frame is free":                                true,
		"some frame is free and table":                      false,
		"some frame is free and some frame is table":        true,
		"no frame is free":                                  false,
		"no frame is free or f9 is partly-validated":        true,
		"every frame is pinned":                             false,
		"every frame is not L3":                             true,
		"(f5 is L2 or f5 is L1) and f9 is empty":            true,
		"not (f5 is L2 or f5 is L1)":                        false,
		"f9 is unused and free":                             true,
		"f5[0] is present and writable and f5":              true,
		"f5[0] is f5:PWUD":                                  true,
		"f5[0] is f6":                                       false,
		"f5[1] is zero":                                     true,
		"f5[3] is not present and writable":                 true,
		"f5[4] is zero":                                     false, // there is none
		"f5[2] is user, not dirty and f5[0] is dirty":       true,
		"CR3 is f0":                                         true,
		"cr3 is f5":                                         false,
		"next-boot-page is f7 and phase is boot":            true,
		"NOT CR3 IS F5":                                     true,
		"CR3 is f0 or f5 is L2 and f5 is L3":                true, // and binds closer
	} {
		q, err := parseQuery(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := q(asked()); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// TestQueryErrors refuses what is no query, in one line each.
func TestQueryErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "an empty query",
		"a the":                    "an empty query",
		"f5":                       `want "is" after "f5"`,
		"f5 is":                    "the word is missing that says what f5 is",
		"f5 is and":                "the word is missing",
		"f5 is pined":              `f5 cannot be "pined"`,
		"f5[0] is pinned":          `f5[0] cannot be "pinned"`,
		"some f5 is L1":            `want "some frame"`,
		"(f5 is L1":                "a parenthesis is not closed",
		"f5 is L1)":                `")" does not belong there`,
		"f5 is L1 and":             "the word is missing",
		"f5 is L1 or":              "the query ends where",
		"not":                      "the query ends where",
		strings.Repeat("not ", 50): "more than 20",
		strings.Repeat("f5 ", 200): "at most 400",
	} {
		if _, err := parseQuery(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.30q: %v, want %q", text, err, want)
		}
	}
}

// FuzzQuery wants any text to be read or refused, and what is read to be answered.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"f5 is a pinned L1 and writable somewhere", "not (f5[0] is f6:P or CR3 is f0)", "some frame is"} {
		f.Add(s)
	}
	s := asked()
	f.Fuzz(func(_ *testing.T, text string) {
		if q, err := parseQuery(text); err == nil {
			q(s)
		}
	})
}
