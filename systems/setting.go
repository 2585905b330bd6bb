package systems

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/internal/names"
	"github.com/ptcheck/ptcheck/model/explore"
)

// Setting is something that a search can be asked for, as data: a flag of the command
// line, a field of a mutant's row, a part of the question that a checkpoint answers.
// Settings of the same name mean the same in each system that has them.
type Setting struct {
	// Name is that of the flag, without dashes.
	Name string
	// Says describes it in one line, without its default.
	Says string
	Kind SettingKind
	// Words are what a word may be, nil for anything. Of numbers they are proposals.
	Words []string
	// Sums says that several of the words may stand in a word's place, with plus signs
	// between.
	Sums bool
	// Min and Max bound numbers.
	Min, Max int
	// Manner says that it is about the manner of searching: neither what is searched nor
	// what is found depends on it.
	Manner bool
	// Default is what holds unless it is given, in the form of a value; empty: what
	// the system thinks right.
	Default string
}

// SettingKind is the kind of a setting's values.
type SettingKind uint8

// Kinds of settings.
const (
	Number   SettingKind = iota // a decimal number
	Numbers                     // numbers, with commas between
	Word                        // a word
	WordList                    // words, with commas between
	Switch                      // true or false
)

// String returns what a value of the kind is called in help texts.
func (k SettingKind) String() string {
	return [...]string{"number", "numbers", "word", "words", "bool"}[k]
}

// Check reports what is wrong with a value, and returns it in its usual form. Errors
// are plain sentences without the setting's name.
func (s *Setting) Check(value string) (string, error) {
	switch s.Kind {
	case Switch:
		if value == "true" || value == "false" {
			return value, nil
		}
		return "", fmt.Errorf("want true or false, not %q", value)
	case Number:
		return s.number(value)
	case Word:
		return value, s.word(value)
	}
	var parts []string
	for _, p := range strings.Split(value, ",") {
		p = strings.TrimSpace(p)
		var err error
		if s.Kind == Numbers {
			p, err = s.number(p)
		} else {
			err = s.word(p)
		}
		if err != nil {
			return "", err
		}
		if slices.Contains(parts, p) {
			return "", fmt.Errorf("%q is there twice", p)
		}
		parts = append(parts, p)
	}
	return strings.Join(parts, ","), nil
}

func (s *Setting) number(text string) (string, error) {
	n, err := strconv.Atoi(text)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return "", fmt.Errorf("want a number, not %q", text)
	}
	if err != nil || n < s.Min || n > s.Max {
		return "", fmt.Errorf("%s: want %d to %d", text, s.Min, s.Max)
	}
	return strconv.Itoa(n), nil
}

func (s *Setting) word(text string) error {
	if text == "" {
		return fmt.Errorf("an empty word")
	}
	parts := []string{text}
	if s.Sums {
		parts = strings.Split(text, "+")
	}
	for _, p := range parts {
		if s.Words != nil && !slices.Contains(s.Words, p) {
			return fmt.Errorf("%q: want %s%s", p, strings.Join(s.Words, ", "), names.DidYouMean(p, s.Words))
		}
	}
	return nil
}

// Values are values of settings, in their usual form, by the settings' names. A
// setting that is not among them has its default.
type Values map[string]string

// Has reports whether a setting was given.
func (v Values) Has(name string) bool { _, ok := v[name]; return ok }

// Number is the value of a setting of kind Number, or other if it was not given.
func (v Values) Number(name string, other int) int {
	if n, err := strconv.Atoi(v[name]); err == nil {
		return n
	}
	return other
}

// Numbers is the value of a setting of kind Numbers, nil if it was not given.
func (v Values) Numbers(name string) []int {
	var out []int
	for _, w := range v.Words(name) {
		n, _ := strconv.Atoi(w) // checked when it was set
		out = append(out, n)
	}
	return out
}

// Word is the value of a setting of kind Word, or other if it was not given.
func (v Values) Word(name, other string) string {
	if w, ok := v[name]; ok {
		return w
	}
	return other
}

// Words is the value of a setting of kind WordList, nil if it was not given.
func (v Values) Words(name string) []string {
	if v[name] == "" {
		return nil
	}
	return strings.Split(v[name], ",")
}

// On is the value of a setting of kind Switch, or other if it was not given.
func (v Values) On(name string, other bool) bool {
	if w, ok := v[name]; ok {
		return w == "true"
	}
	return other
}

// CheckValues checks values against the settings of a system, and returns them in
// their usual form. One that the system does not have is refused.
func CheckValues(s System, v Values) (Values, error) {
	out := Values{}
	settings := s.Settings()
	for _, name := range sortedKeys(v) {
		i := slices.IndexFunc(settings, func(x Setting) bool { return x.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("--%s means nothing to system %s", name, s.About().Name)
		}
		usual, err := settings[i].Check(v[name])
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		out[name] = usual
	}
	return out, nil
}

// Question is what a search of a system is asked, canonically: every setting of the
// system with its value, in the order of the names, whether it was given or not,
// those of manner apart, and what
// has been made of them. A checkpoint of another question is not resumed.
func Question(s System, v Values, of *Search) []explore.Setting {
	q := []explore.Setting{{Name: "system", Value: s.About().Name}}
	settings := slices.Clone(s.Settings())
	slices.SortFunc(settings, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	for i := range settings {
		if settings[i].Manner {
			continue
		}
		q = append(q, explore.Setting{Name: "--" + settings[i].Name, Value: v.Word(settings[i].Name, settings[i].Default)})
	}
	return append(q, explore.Setting{Name: "part", Value: of.Part}, explore.Setting{Name: "what is searched", Value: of.Scope})
}

// Narrows reports whether some value is of what is searched, not only of the manner.
func (v Values) Narrows(s System) bool {
	return slices.ContainsFunc(s.Settings(), func(x Setting) bool { return !x.Manner && v.Has(x.Name) })
}

func sortedKeys(v Values) []string {
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
