package show

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// do carries out commands and returns what they print, errors too.
func do(s *Session, out *bytes.Buffer, commands ...string) string {
	out.Reset()
	for _, c := range commands {
		if err := s.Do(c); err != nil {
			out.WriteString(err.Error() + "\n")
		}
	}
	return out.String()
}

// TestBreakStops holds the moments at which continue stops to what their stacks say.
func TestBreakStops(t *testing.T) {
	var out bytes.Buffer
	s := session(t, &out, "native.pt")
	if got := do(s, &out, "break hooks.SetupStart", "break setWhole"); strings.Count(got, "break at ") != 2 {
		t.Fatal(got)
	}
	var stops []int
	for s.at < len(s.moments)-1 {
		before := s.at
		do(s, &out, "continue")
		for i := before + 1; i < s.at; i++ {
			if i > before+1 && s.enters(i) {
				t.Errorf("%v was passed over", s.moments[i].pos)
			}
		}
		if s.at < len(s.moments)-1 {
			stops = append(stops, s.at)
			if !s.enters(s.at) {
				t.Errorf("stopped at %v for no reason", s.moments[s.at].pos)
			}
		}
	}
	if len(stops) < 3 || !slices.IsSorted(stops) {
		t.Errorf("stopped at %v", stops)
	}
}

// enters reports whether the stack of a moment has one of the functions that the moment
// before did not have.
func (s *Session) enters(i int) bool {
	for _, name := range []string{"hooks.SetupStart", "native.setWhole"} {
		if slices.Contains(s.moments[i].functions(), name) && !slices.Contains(s.moments[i-1].functions(), name) {
			return true
		}
	}
	return false
}

// TestBreakRule stops where a rule is broken, in every system.
func TestBreakRule(t *testing.T) {
	for file, what := range map[string]string{"leak.pt": "counts-agree", "crash.pt": "store-rejected"} {
		var out bytes.Buffer
		s := session(t, &out, file)
		if got := do(s, &out, "break "+what); !strings.HasPrefix(got, "break at "+what+": once, next at ") {
			t.Errorf("%s: %s", file, got)
		}
		if got := do(s, &out, "continue"); !strings.HasPrefix(got, "break at "+what+":\n") || s.at != len(s.moments)-1 {
			t.Errorf("%s: stopped at %d: %s", file, s.at, got)
		}
	}
}

// TestCrashHasItsSite wants the place of a crash, and the code there.
func TestCrashHasItsSite(t *testing.T) {
	var out bytes.Buffer
	got := do(session(t, &out, "crash.pt"), &out, "last", "source")
	for _, part := range []string{"\n       code: xen.SetPTE xen/mmu.go:", "\n       here: the store asks for f1:PWAD in f5[1]", "func SetPTE(", "  | > "} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is missing in\n%s", part, got)
		}
	}
	if got := do(session(t, &out, "native.pt"), &out, "source", "1.2", "source"); !strings.HasPrefix(got, "no code takes this step\n") || !strings.Contains(got, "func setWhole(") {
		t.Errorf("the source of a step:\n%s", got)
	}
}

// TestStoresHaveValues wants the value of each store, and whether a table changes.
func TestStoresHaveValues(t *testing.T) {
	var out bytes.Buffer
	s := session(t, &out, "native.pt")
	stores := 0
	for i := range s.moments {
		m := &s.moments[i]
		if !strings.HasPrefix(m.step.What, "store ") {
			continue
		}
		stores++
		out.Reset()
		s.print("", m)
		text := out.String()
		if !strings.Contains(text, " bytes: ") || strings.Contains(text, "no table changes") != (len(m.step.Changes) == 0) {
			t.Errorf("%v: %s", m.pos, text)
		}
		if c := m.step.Changes; len(c) == 1 && strings.Contains(m.step.What, "8 bytes") && m.step.Value != c[0].New {
			t.Errorf("%v: stores %s and becomes %s", m.pos, m.step.Value, c[0].New)
		}
	}
	if stores < 5 {
		t.Errorf("%d stores", stores)
	}
}

// TestFits steps through scenarios at several widths: no line is longer than the width,
// and no file name is cut.
func TestFits(t *testing.T) {
	for _, width := range []int{80, 60} {
		for _, file := range scenarios(t) {
			var out bytes.Buffer
			s := session(t, &out, file[strings.LastIndexByte(file, '/')+1:])
			s.Fit(width)
			places := 0
			for i := range s.moments {
				if place := s.moments[i].step.Where(); place != "" {
					places++
					out.Reset()
					s.print("> ", &s.moments[i])
					for _, word := range strings.Fields(place) {
						if !strings.Contains(out.String(), word) {
							t.Errorf("%s: %q is cut:\n%s", file, word, out.String())
						}
					}
				}
			}
			text := do(s, &out, "help", "calls", "watch f0", "watch f1", "next", "frames", "table f0", "walk 0x0", "who 0x0", "steps", "last", "steps", "where", "break")
			for _, line := range strings.Split(text, "\n") {
				if utf8.RuneCountInString(line) > width {
					t.Errorf("%s: %d columns at %d: %q", file, utf8.RuneCountInString(line), width, line)
				}
			}
		}
	}
}

// TestLongPlace folds a place that is longer than what is left of a line.
func TestLongPlace(t *testing.T) {
	var out bytes.Buffer
	s := &Session{out: &out, width: 40}
	s.fold("1.2      ", "store f5+0xc, 4 bytes", "mine.aFunctionWithAName example.com/mine/a/folder/hooks.go:1234")
	want := "1.2      store f5+0xc, 4 bytes\n         mine.aFunctionWithAName\n   example.com/mine/a/folder/hooks.go:1234\n"
	want = strings.Replace(want, "   example", strings.Repeat(" ", 40-len("example.com/mine/a/folder/hooks.go:1234"))+"example", 1)
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// TestCompletes completes words from what the run has.
func TestCompletes(t *testing.T) {
	var out bytes.Buffer
	s := session(t, &out, "crash.pt")
	do(s, &out, "watch f5", "break SetPTE")
	for line, want := range map[string]string{
		"unw": "unwatch ", "unwatch ": "unwatch f5 ", "unbreak ": "unbreak SetPTE ", "table f1": "table f1", "walk f15": "walk f15 ",
		"break counts-a": "break counts-agree ", "b store-r": "b store-rejected ", "until f": "until f", "goto ": "goto ", "next 1": "next 1", "": "", "zz": "zz",
	} {
		if got, _ := s.Complete(line); got != want {
			t.Errorf("%q becomes %q, want %q", line, got, want)
		}
	}
	if _, words := s.Complete("table f1"); len(words) != 7 {
		t.Errorf("f1 to f15 are %q", words)
	}
}
