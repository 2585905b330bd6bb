package reports

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// TestTextFitsMails wants every line of every report within 72 columns of ASCII,
// and no control characters.
func TestTextFitsMails(t *testing.T) {
	for name, r := range examples(t) {
		for n, line := range strings.Split(string(render(t, "text", r)), "\n") {
			if len(line) > 72 {
				t.Errorf("%s:%d has %d columns: %q", name, n+1, len(line), line)
			}
			for _, c := range []byte(line) {
				if c < ' ' || c > '~' {
					t.Errorf("%s:%d: byte %#x in %q", name, n+1, c, line)
				}
			}
		}
	}
}

// TestColorOnlyWhenAsked wants the same text with and without colour, but for
// the colours.
func TestColorOnlyWhenAsked(t *testing.T) {
	codes := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for name, r := range examples(t) {
		var plain, colored bytes.Buffer
		if WriteText(&plain, r, false) != nil || WriteText(&colored, r, true) != nil {
			t.Fatal(name)
		}
		if plain.String() != codes.ReplaceAllString(colored.String(), "") {
			t.Errorf("%s: colour changes more than colour", name)
		}
		if bytes.Contains(plain.Bytes(), []byte("\x1b")) || !bytes.Contains(colored.Bytes(), []byte("\x1b[")) {
			t.Errorf("%s: colours are where they should not be, or are not", name)
		}
	}
}

// TestLongCommandStaysACommand wants a folded replay command to be what it was
// once a shell has joined its lines.
func TestLongCommandStaysACommand(t *testing.T) {
	r := hostile()
	text := string(render(t, "text", r))
	if want := "replay: " + r.Runs[0].Findings[0].Replay + "\n"; !strings.Contains(strings.ReplaceAll(text, "\\\n", ""), want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

// TestTextOrder wants first what broke, where and why, then the way there.
func TestTextOrder(t *testing.T) {
	text := string(render(t, "text", examples(t)["B03"]))
	last := 0
	for _, part := range []string{
		"violated: present-not-reallocated", "A present table entry keeps its table page, or gets one", "source: Linux b239fb25",
		"here: entry f0[1], a pointer to a table, was f4:P and is f6:P", "code: native.", "<-- here", "start of day: 3level-8f-pge-nx", "calls (3):", "   1  setup_start",
		"call 2, map_lowmem f0, changes:", "   + [1] f4:P", "steps of call 3", "f0[1]: f4:P -> f6:P", "   !  violated", "from hooks.MapLowmemLeaf hooks/calls.go:",
		"before (-) and after (+) call 3", "   - [1] f4:P\n   + [1] f6:P", "replay: ptcheck mutants B03", "searched:", "vacuous",
	} {
		at := strings.Index(text[last:], part)
		if at < 0 {
			t.Fatalf("no %q after %q", part, text[:last])
		}
		last += at
	}
}
