package systems_test

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/systems"
)

// TestSettingValues checks values of each kind.
func TestSettingValues(t *testing.T) {
	number := systems.Setting{Name: "n", Kind: systems.Number, Min: 2, Max: 4}
	numbers := systems.Setting{Name: "ns", Kind: systems.Numbers, Min: 2, Max: 4, Words: []string{"2"}}
	word := systems.Setting{Name: "w", Kind: systems.Word, Words: []string{"alpha", "beta"}}
	words := systems.Setting{Name: "ws", Kind: systems.WordList, Words: []string{"alpha", "beta"}}
	free := systems.Setting{Name: "f", Kind: systems.WordList}
	onOff := systems.Setting{Name: "s", Kind: systems.Switch}
	for _, x := range []struct {
		of          systems.Setting
		value, want string
		wrong       string // part of the error; "": none
	}{
		{number, "3", "3", ""}, {number, "03", "3", ""}, {number, "5", "", "5: want 2 to 4"}, {number, "-1", "", "want 2 to 4"},
		{number, "99999999999999999999", "", "99999999999999999999: want 2 to 4"}, {number, "x", "", `want a number, not "x"`}, {number, "", "", `not ""`},
		{numbers, "4, 2", "4,2", ""}, {numbers, "2,2", "", `"2" is there twice`}, {numbers, "2,", "", `not ""`}, {numbers, "2,5", "", "5: want 2 to 4"},
		{word, "beta", "beta", ""}, {word, "betta", "", `"betta": want alpha, beta; did you mean beta?`}, {word, "", "", "an empty word"},
		{words, "beta,alpha", "beta,alpha", ""}, {words, "beta,gamma", "", `"gamma"`}, {words, "beta,beta", "", "twice"},
		{free, "any,thing", "any,thing", ""}, {free, "any,,thing", "", "empty"},
		{onOff, "true", "true", ""}, {onOff, "false", "false", ""}, {onOff, "yes", "", `want true or false, not "yes"`},
	} {
		got, err := x.of.Check(x.value)
		if got != x.want && err == nil || (err == nil) != (x.wrong == "") || err != nil && !strings.Contains(err.Error(), x.wrong) {
			t.Errorf("%s=%q: %q, %v; want %q, %q", x.of.Name, x.value, got, err, x.want, x.wrong)
		}
	}
}

// TestValues reads values, and defaults of those that were not given.
func TestValues(t *testing.T) {
	v := systems.Values{"n": "7", "ns": "2,3", "w": "a", "ws": "a,b", "on": "true", "off": "false", "profile": "xen-4.17"}
	if !v.Has("n") || v.Has("m") || v.Number("n", 1) != 7 || v.Number("m", 1) != 1 || v.Word("w", "z") != "a" || v.Word("m", "z") != "z" {
		t.Error("numbers and words")
	}
	if n := v.Numbers("ns"); len(n) != 2 || n[0] != 2 || n[1] != 3 || v.Numbers("m") != nil {
		t.Error("lists of numbers")
	}
	if w := v.Words("ws"); len(w) != 2 || w[1] != "b" || v.Words("m") != nil {
		t.Error("lists of words")
	}
	if !v.On("on", false) || v.On("off", true) || !v.On("m", true) || v.On("m", false) {
		t.Error("switches")
	}
	if p := v.Profile(); p == nil || p.Name != "xen-4.17" || (systems.Values{}).Profile() != nil || systems.FindProfile("vmi") != nil {
		t.Error("profiles")
	}
}
