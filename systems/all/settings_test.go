package all_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
)

// TestAbout holds what systems say of themselves. They fit one program.
func TestAbout(t *testing.T) {
	set, err := systems.NewSet(nil, all.Systems()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range set.All() {
		if a := x.About(); a.Says == "" || strings.Contains(a.Says, "\n") {
			t.Errorf("%s is %q", a.Name, a.Says)
		}
	}
	if got := set.Default(); !slices.Equal(got, []string{"native", "xen"}) {
		t.Errorf("without a name, %v are searched", got)
	}
}

// TestSettings holds the settings of all systems: each describes itself, its default
// and its words are values of it, and those of one name mean the same.
func TestSettings(t *testing.T) {
	seen := map[string]systems.Setting{}
	for _, x := range all.Systems() {
		name, mine := x.About().Name, map[string]bool{}
		for _, s := range x.Settings() {
			if s.Name == "" || s.Says == "" || strings.ContainsAny(s.Name, " -=,") || strings.Contains(s.Says, "\n") || mine[s.Name] {
				t.Errorf("%s: %+v", name, s)
			}
			mine[s.Name] = true
			for _, v := range append(slices.Clone(s.Words), s.Default) {
				if v == "" {
					continue
				}
				if usual, err := s.Check(v); err != nil || usual != v {
					t.Errorf("%s: --%s=%s is %q, %v", name, s.Name, v, usual, err)
				}
			}
			if numbers := s.Kind == systems.Number || s.Kind == systems.Numbers; numbers && s.Min >= s.Max {
				t.Errorf("%s: --%s is from %d to %d", name, s.Name, s.Min, s.Max)
			}
			if x.About().Unnamed {
				continue // its flags are those of another command
			}
			if other, ok := seen[s.Name]; ok && (other.Says != s.Says || other.Kind != s.Kind) {
				t.Errorf("%s: --%s is %+v, of another system %+v", name, s.Name, s, other)
			}
			seen[s.Name] = s
		}
	}
	if len(seen) < 6 {
		t.Errorf("%d settings only", len(seen))
	}
}

// another is a value of a setting that is not its default.
func another(s systems.Setting) string {
	for _, w := range s.Words {
		if w != s.Default {
			return w
		}
	}
	switch s.Kind {
	case systems.Switch:
		return strconv.FormatBool(s.Default != "true")
	case systems.Number, systems.Numbers:
		if w := strconv.Itoa(s.Max); w != s.Default {
			return w
		}
		return strconv.Itoa(s.Min)
	}
	return s.Default + "x"
}

// asked is the number of settings of a system that are not of manner.
func asked(x systems.System) (n int) {
	for _, s := range x.Settings() {
		if !s.Manner {
			n++
		}
	}
	return n
}

// TestQuestion holds that what a search is asked names each setting that is not of
// manner, and differs when any of them does.
func TestQuestion(t *testing.T) {
	for _, x := range all.Systems() {
		name, plain := x.About().Name, systems.Question(x, systems.Values{}, &systems.Search{})
		if plain[0] != (explore.Setting{Name: "system", Value: name}) || len(plain) != 3+asked(x) {
			t.Errorf("%s: asked %q", name, plain)
		}
		for _, s := range x.Settings() {
			v, err := systems.CheckValues(x, systems.Values{s.Name: another(s)})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			now, differ, want := systems.Question(x, v, &systems.Search{}), 0, 1
			if s.Manner {
				want = 0
			}
			for i := range plain {
				if now[i] != plain[i] {
					differ++
					if now[i] != (explore.Setting{Name: "--" + s.Name, Value: v[s.Name]}) {
						t.Errorf("%s: asked %s by --%s=%s", name, now[i], s.Name, v[s.Name])
					}
				}
			}
			if differ != want || v.Narrows(x) == s.Manner {
				t.Errorf("%s: --%s=%s changes %d parts of the question", name, s.Name, v[s.Name], differ)
			}
		}
		if _, err := systems.CheckValues(x, systems.Values{"nothing": "1"}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: a setting that is not there: %v", name, err)
		}
	}
}
