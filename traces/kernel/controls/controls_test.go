package controls

import (
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// TestListIsSound holds that each control has a name of its own, breaks a rule that there
// is, and patches as many bytes as it replaces.
func TestListIsSound(t *testing.T) {
	names, patches := map[string]bool{}, 0
	for _, c := range List() {
		if names[c.Name] || c.What == "" {
			t.Errorf("%s: there twice, or without a word of what it is", c.Name)
		}
		names[c.Name] = true
		if !slices.ContainsFunc(invariants.TraceRules(), func(r invariants.Rule) bool { return r.ID == c.Rule }) {
			t.Errorf("%s: no rule %s", c.Name, c.Rule)
		}
		old, err1 := parse(c.Old)
		patch, err2 := parse(c.New)
		if err1 != nil || err2 != nil || len(old) != len(patch) || (c.Function == "") != (len(old) == 0) {
			t.Errorf("%s: %d bytes for %d, %v, %v", c.Name, len(patch), len(old), err1, err2)
		}
		if c.Function != "" {
			patches++
		} else if c.Append == "" {
			t.Errorf("%s: nothing is changed", c.Name)
		}
	}
	if patches < 10 {
		t.Errorf("%d patches, want ten", patches)
	}
}

func TestPattern(t *testing.T) {
	p, err := parse("0f .. d8")
	if err != nil {
		t.Fatal(err)
	}
	if at, err := p.find([]byte("\x90\x0f\x22\xd8")); at != 1 || err != nil {
		t.Errorf("%d, %v", at, err)
	}
	for code, want := range map[string]string{"\x0f\x22": "not there", "\x0f\x22\xd8\x0f\x20\xd8": "more than once"} {
		if _, err := p.find([]byte(code)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("% x: %v, want %q", code, err, want)
		}
	}
	if _, err := parse("0f 1"); err == nil {
		t.Error("a byte of one digit")
	}
}

func TestExtent(t *testing.T) {
	list := []kernel.Symbol{{Addr: 0x100, Type: 'T', Name: "f"}, {Addr: 0x100, Type: 'T', Name: "alias"}, {Addr: 0x140, Type: 't', Name: "g"}}
	if start, n, ok := extent(list, "f"); start != 0x100 || n != 0x40 || !ok {
		t.Errorf("%#x, %#x, %t", start, n, ok)
	}
	if _, _, ok := extent(list, "g"); ok {
		t.Error("the end of the last function is not known")
	}
}
