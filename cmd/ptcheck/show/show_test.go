package show

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// open makes a session of a scenario in testdata.
func session(t *testing.T, out *bytes.Buffer, name string) *Session {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	set, err := mutants.Set()
	if err != nil {
		t.Fatal(err)
	}
	f, err := set.Parse(name, src)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(out, f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTranscripts carries out the commands of each transcript in testdata: lines
// that begin with the prompt, each followed by what it prints.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.transcript")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		s := session(t, &out, strings.TrimSuffix(filepath.Base(file), ".transcript")+".pt")
		for line := range strings.Lines(string(want)) {
			command, ok := strings.CutPrefix(line, "(show) ")
			if !ok {
				continue
			}
			out.WriteString(line)
			if err := s.Do(command); err != nil {
				fmt.Fprintf(&out, "%v\n", err)
			}
		}
		// Where the kernel's code stands changes often, and so does the code.
		got := regexp.MustCompile(` +\S+ (\S+\.go):\d+\n`).ReplaceAllString(out.String(), " in $1\n")
		got = regexp.MustCompile(`(?m)^  \| .*\n`).ReplaceAllString(got, "")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
}

func scenarios(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.pt")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	return files
}

// TestEveryPlaceIsTheSame reaches each moment of each scenario from the start,
// from the moment before and from the one behind: the state is the same.
func TestEveryPlaceIsTheSame(t *testing.T) {
	for _, file := range scenarios(t) {
		var out bytes.Buffer
		s := session(t, &out, filepath.Base(file))
		var want []string
		err := s.visit(-1, func(_ int, _ *moment, st *model.State) { want = append(want, strings.Join(s.everything(st), "\n")) })
		if err != nil || len(want) != len(s.moments) {
			t.Fatalf("%s: %d of %d moments, %v", file, len(want), len(s.moments), err)
		}
		here := func(how string, i int) {
			t.Helper()
			if s.at != i {
				t.Fatalf("%s: %s leads to moment %d, want %d", file, how, s.at, i)
			}
			_ = s.look(func(st *model.State) error {
				if got := strings.Join(s.everything(st), "\n"); got != want[i] {
					t.Errorf("%s: %s to %v: got\n%s\nwant\n%s", file, how, s.moments[i].pos, got, want[i])
				}
				return nil
			})
		}
		step := max(1, len(want)/40) // long scripts: some of them
		for i := 1; i < len(want); i++ {
			if err := s.Do("next"); err != nil {
				t.Fatal(err)
			}
			if i%step == 0 {
				here("next", i)
			}
		}
		for i := len(want) - 2; i >= 0; i-- {
			if err := s.Do("prev"); err != nil {
				t.Fatal(err)
			}
			if i%step == 0 {
				here("prev", i)
			}
		}
		for i := 0; i < len(want); i += step {
			if err := s.Do(s.moments[i].pos.String()); err != nil {
				t.Fatal(err)
			}
			here("goto", i)
		}
	}
}

// everything is all that can be seen of the frames that have a role.
func (s *Session) everything(st *model.State) []string {
	lines := s.framesText(st)
	trees := treesOf(st)
	for f := range model.Frame(st.L.Map.Frames()) {
		if roleOf(st, f, trees) != "" {
			lines = append(lines, s.tableText(st, f)...)
		}
	}
	return lines
}

// TestChangesAreTrue compares what steps say they changed with the frames before
// and after them.
func TestChangesAreTrue(t *testing.T) {
	for _, name := range []string{"xen.pt", "native.pt", "shadow.pt"} {
		var out bytes.Buffer
		s := session(t, &out, name)
		prev := map[string]string{}
		changed := 0
		err := s.visit(-1, func(_ int, m *moment, st *model.State) {
			now := map[string]string{}
			for f := range model.Frame(st.L.Map.Guest()) {
				for i := range st.L.Geo.Words() {
					if w := st.Word(f, i); w != 0 {
						now[fmt.Sprintf("%d.%d", f, i)] = fmt.Sprint(w)
					}
				}
			}
			differ := fmt.Sprint(now) != fmt.Sprint(prev)
			cleared := strings.HasPrefix(m.step.What, "clear-page ") // of what was nobody's: nothing to tell
			if m.pos != (pos{}) && !cleared && differ != (len(m.step.Changes) > 0) {
				t.Errorf("%s, %v: memory differs %t, but it says %q", name, m.pos, differ, m.step.Changes)
			}
			if differ {
				changed++
			}
			prev = now
		})
		if err != nil || changed < 3 {
			t.Errorf("%s: %v, %d changes", name, err, changed)
		}
	}
}

// TestRefusals wants an explanation for each wrong command, and nothing printed.
func TestRefusals(t *testing.T) {
	var out bytes.Buffer
	s := session(t, &out, "xen.pt")
	for line, want := range map[string]string{
		"bogus":        `no command is named "bogus"; help lists them`,
		"wlak f1":      "did you mean walk?",
		"walk":         "usage: walk ADDRESS",
		"walk f1 f2":   "usage: walk ADDRESS",
		"walk 77":      "want an address such as 0x1000",
		"walk fix:9":   "there are fix:0 to fix:3",
		"walk h":       "no place in the direct map",
		"table f99":    "there are f0 to f15",
		"goto":         "usage: goto N[.M]",
		"goto x":       "N.M for step M",
		"goto 99":      "the last is",
		"goto 1.77":    "call 1 has",
		"goto 1.0":     "is not a place",
		"next 0":       "not a number of steps",
		"prev":         "this is the start of the day",
		"pc":           "this is the start of the day",
		"unwatch f1":   "f1 is not being watched",
		"watch nobody": `cannot watch "nobody"`,
	} {
		err := s.Do(line)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
		if out.Len() > 0 || s.at != 0 {
			t.Errorf("%s: printed %q, at %d", line, out.String(), s.at)
			out.Reset()
		}
	}
	if err := s.Do("quit"); err != ErrQuit {
		t.Errorf("quit: %v", err)
	}
}

// TestBadScenarios wants file, line and column.
func TestBadScenarios(t *testing.T) {
	for src, want := range map[string]string{
		"fly f0\n":                                       "a.pt:1:1: unknown operation",
		"system xen\nstart nowhere\n":                    "a.pt:2:1: system xen has no start of day",
		"system native\nstart 2level-8\n":                "did you mean 2level-8f?",
		"system native\nstart 2level-8f\nzap\n":          "a.pt:3:1: the protocol does not allow",
		"system native\n":                                "a.pt:1:1: no start of day",
		"system pvdp\nscope frames 3\n":                  `a.pt:2:1: no line "scope levels NUMBER"`,
		"system pvdp\nscope frames 3\nmu f0 0 f9:P\n":    `a.pt:2:1: no line "scope levels NUMBER"`,
		"system solaris\nstart 2level-8f\nsetup_start\n": "a.pt:1:1: no system is named",
	} {
		if err := openText("a.pt", src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", src, err, want)
		}
	}
}

// openText starts a session of a scenario in text.
func openText(name, src string) error {
	set, err := mutants.Set()
	if err != nil {
		return err
	}
	f, err := set.Parse(name, []byte(src))
	if err != nil {
		return err
	}
	_, err = New(new(bytes.Buffer), f)
	return err
}
