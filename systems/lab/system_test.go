package lab

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

func set(t *testing.T) *systems.Set {
	t.Helper()
	s, err := systems.NewSet(func(string, systems.About) (systems.Change, error) {
		return systems.Change{Hypervisor: model.Mutant{FastPath: func(_ *model.State, level int, old, now model.Entry) bool {
			return level == 1 && old.Is(model.Present) && old.MFN() == now.MFN()
		}}}, nil
	}, System())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t *testing.T, text string) *systems.File {
	t.Helper()
	f, err := set(t).Parse("a.pt", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return f
}

func played(t *testing.T, f *systems.File) *systems.Play {
	t.Helper()
	p, err := f.Play(systems.PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRecordedScripts plays each recording by the contract: what is printed is the
// same, line by line, and so are the answers.
func TestRecordedScripts(t *testing.T) {
	for _, r := range allRecordings(t) {
		f, _ := script.Parse(r.name, r.src)
		f.Recording = r.want
		file, err := set(t).Read(f)
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		p := played(t, file)
		want := slices.DeleteFunc(slices.Clone(r.want), func(l string) bool {
			return strings.HasPrefix(l, "HELLO ") || strings.HasPrefix(l, "I ")
		})
		for i, d := range differences(p.Printed, want) {
			if i < 3 {
				t.Errorf("%s: %s", r.name, d)
			}
		}
		checkAnswers(t, r.name, p)
	}
}

// checkAnswers holds that the answers are those of the lines printed.
func checkAnswers(t *testing.T, name string, p *systems.Play) {
	t.Helper()
	i := 0
	for _, l := range p.Printed {
		if !strings.HasPrefix(l, "R ") {
			continue
		}
		if i >= len(p.Answers) || !strings.HasSuffix(l, "= "+p.Answers[i].Text) {
			t.Fatalf("%s: %q has not answer %d of %v", name, l, i, p.Answers[max(0, i-1):min(i+1, len(p.Answers))])
		}
		i++
	}
	if p.End != nil && i < len(p.Answers) && p.Answers[i] == (systems.Answer{Line: p.End.Line, Text: systems.AnswerEnded}) {
		i++ // nobody is there to print it
	}
	if i != len(p.Answers) {
		t.Errorf("%s: %d answers, %d printed", name, len(p.Answers), i)
	}
}

const text = `# about
t one
reset #= 0
pin 1 f0
pin 1 f0  # a remark
mus f0 0 f1:P 1 f0:PW
jump high #= syntax
get f0 0 #= f1:PUK 0
`

// TestAnswers plays a script with mistakes that are answered.
func TestAnswers(t *testing.T) {
	f := parse(t, text)
	p := played(t, f)
	want := []string{
		"T one", "R 3 reset  = 0", "R 4 pin 1 f0 = 0", "R 5 pin 1 f0   = -EINVAL", "R 6 mus f0 0 f1:P 1 f0:PW = done=1 -EBUSY",
		"R 7 jump high  = syntax", "R 8 get f0 0  = f1:PUK 0", "END",
	}
	if !slices.Equal(p.Printed, want) {
		t.Errorf("printed\n%s", strings.Join(p.Printed, "\n"))
	}
	checkAnswers(t, "a.pt", p)
	if err := f.Check(p); err != nil || f.Len() != 6 || f.System() != "script" || p.Verdict.Fails() {
		t.Errorf("%v, %d operations", err, f.Len())
	}
	var wrong *systems.AnswerError
	f = parse(t, strings.Replace(text, "pin 1 f0\n", "pin 1 f0 #= -EBUSY\n", 1))
	if err := f.Check(played(t, f)); !errors.As(err, &wrong) || wrong.Line != 4 || wrong.Got != "0" {
		t.Errorf("%v", err)
	}
}

// TestQuiet takes answers only where they can be told apart.
func TestQuiet(t *testing.T) {
	p := played(t, parse(t, "pin 1 f0\nquiet 1\npin 1 f0\nquiet 2\npin 1 f1\nreset\npin 1 f1\n"))
	var got []string
	for _, a := range p.Answers {
		got = append(got, a.Text)
	}
	if want := []string{"0", "0", "-EINVAL"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q\n%s", got, want, strings.Join(p.Printed, "\n"))
	}
}

// TestBody writes a script and reads it back: it is the same, and so are its answers.
func TestBody(t *testing.T) {
	for _, head := range []string{"", "guest 32\n", "# 32 bits\n", "guest 64\nprofile ideal\n", "guest 32\nprofile ideal\n",
		"guest domU\n", "profile ideal\nguest domU-nol1tf\nguest 32\n", "guest dom0\n"} {
		f := parse(t, head+strings.Replace(text, " #= f1:PUK 0", "", 1))
		back := parse(t, string(f.Text()))
		if string(back.Scenario.Body()) != string(f.Scenario.Body()) || back.Len() != f.Len() {
			t.Errorf("%q came back as\n%s", head, back.Text())
		}
		a, b := played(t, f), played(t, back)
		if a, b := only(a), only(b); !slices.Equal(a, b) {
			t.Errorf("%q: answers %q, then %q", head, a, b)
		}
		if said := strings.Contains(head, "guest dom"); said != strings.Contains(string(back.Text()), "guest dom") {
			t.Errorf("%q: the kind of guest in\n%s", head, back.Text())
		}
		if s := f.Scenario.(*Scenario); strings.Contains(head, "32") != (s.config.Bits == 32) || strings.Contains(head, "profile") != (s.config.Profile != nil) {
			t.Errorf("%q: %+v", head, s.config)
		}
	}
}

// only is the answers of operations alone.
func only(p *systems.Play) []string {
	var out []string
	for i, l := range p.Printed {
		if !strings.Contains(l, " guest ") && !strings.Contains(l, " profile ") && strings.HasPrefix(l, "R ") {
			_, answer, _ := strings.Cut(p.Printed[i], " = ")
			out = append(out, answer)
		}
	}
	return out
}

// TestGuest holds that the bits come from a line or the old comment, which must agree,
// else from the command line, else from the recording.
func TestGuest(t *testing.T) {
	read := func(src string, recording ...string) *systems.File {
		f, err := script.Parse("a.pt", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		f.Recording = recording
		file, err := set(t).Read(f)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	bits := func(s systems.Scenario) int { return s.(*Scenario).config.Bits }
	hello := "HELLO ptexec 3 levels"
	for _, c := range []struct {
		f    *systems.File
		want int
	}{
		{read("reset\n"), 64}, {read("reset\n", hello), 32}, {read("guest 64\nreset\n", hello), 64}, {read("guest 32\nreset\n"), 32},
		{read("# 32 bits\nreset\n"), 32}, {read("# 32 bits\nguest 32\nreset\n"), 32}, {read("# so\n# 32 bits\nreset\n"), 64},
	} {
		if got := bits(c.f.Scenario); got != c.want {
			t.Errorf("%s: %d bits, want %d", c.f.Text(), got, c.want)
		}
		other, err := c.f.Scenario.(systems.Adjustable).Adjust(systems.Values{"bits": "32", "profile": "ideal"})
		if c.want == 64 && strings.Contains(string(c.f.Text()), "guest") {
			if err == nil {
				t.Errorf("%s: --bits=32 is taken", c.f.Text())
			}
			continue
		}
		if err != nil || bits(other) != 32 || other.(*Scenario).config.Profile.Name != "ideal" || bits(c.f.Scenario) != c.want {
			t.Errorf("%v, %+v", err, other)
		}
	}
	// A 32-bit guest has three levels, so no k4.
	if p := played(t, read("guest 32\nget k4 0\n")); p.Answers[1].Text != "syntax" {
		t.Errorf("%v", p.Answers)
	}
}

// TestKind holds that the kind of guest comes from a line, else from the command line.
func TestKind(t *testing.T) {
	const asks = "pin 1 f1\nmu f1 0 m0xb8:PW\n"
	answer := func(s systems.Scenario) string {
		p, err := s.Play(systems.PlayOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Answers[len(p.Answers)-1].Text
	}
	open, said := parse(t, asks).Scenario, parse(t, "guest domU\n"+asks).Scenario
	if a, b := answer(open), answer(said); a != "0" || b != "-EPERM" {
		t.Errorf("dom0 is answered %s, a domU %s", a, b)
	}
	other, err := open.(systems.Adjustable).Adjust(systems.Values{"guest": "domU"})
	if err != nil || answer(other) != "-EPERM" {
		t.Errorf("%v, %v", other, err)
	}
	if _, err := said.(systems.Adjustable).Adjust(systems.Values{"guest": "dom0"}); err == nil || !strings.Contains(err.Error(), "the script itself is for a domU") {
		t.Errorf("%v", err)
	}
}

// TestHeaded gives a script the lines of its guest, once.
func TestHeaded(t *testing.T) {
	for want, c := range map[string]Config{
		"reset\n": {Bits: 64, Guest: model.Dom0}, "guest domU\nreset\n": {Bits: 64, Guest: model.DomU}, "guest 32\nreset\n": {Bits: 32, Guest: model.Dom0},
	} {
		text := c.Headed([]byte("reset\n"))
		f, _ := script.Parse("a.pt", text)
		if got, err := ConfigOf(f); string(text) != want || err != nil || got != c || string(c.Headed(text)) != want {
			t.Errorf("%q, want %q; %v", text, want, err)
		}
	}
	for _, bad := range []string{"guest x\n", "reset\nguest domU\n"} {
		f, _ := script.Parse("a.pt", []byte(bad))
		if _, err := ConfigOf(f); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestEnd has guests end before their scripts do.
func TestEnd(t *testing.T) {
	for text, want := range map[string]systems.End{
		"guest domU\npin 1 f1\nmu f1 0 f2:U #= ended\nflush\n": {Line: 3, Why: "an absent entry names memory (L1TF)"},
		"mu k4 511 0 #= ended\nflush\n":                        {Line: 1, Why: "its own pages are no longer mapped"},
	} {
		f := parse(t, text)
		p := played(t, f)
		if p.End == nil || *p.End != want || f.Check(p) != nil || strings.Contains(strings.Join(p.Printed, "\n"), "END") {
			t.Errorf("%q: %v, %v, %q", text, p.End, f.Check(p), p.Printed)
		}
		if f = parse(t, text[:len(text)-1]+" #= 0\n"); f.Check(played(t, f)) == nil {
			t.Errorf("%q: what is expected behind the end is met", text)
		}
	}
}

// TestWith plants a bug of the hypervisor.
func TestWith(t *testing.T) {
	const maps = "pin 1 f0\nmap s0 f0:P\nmap s0 f0:PW\n"
	answer := func(f *systems.File) string {
		p := played(t, f)
		return p.Answers[len(p.Answers)-1].Text
	}
	sound, bad := parse(t, maps), parse(t, "mutant bug\n"+maps)
	if a, b, c := answer(sound), answer(bad), answer(bad.Sound()); a == "0" || b != "0" || c != a {
		t.Errorf("sound %q, with the bug %q, without it again %q", a, b, c)
	}
}

// TestOnly leaves operations out.
func TestOnly(t *testing.T) {
	f, err := parse(t, text).Only([]int{0, 1, 5})
	if err != nil || f.Len() != 3 {
		t.Fatal(err)
	}
	if p := played(t, f); len(p.Answers) != 3 || p.Answers[2] != (systems.Answer{Line: 8, Text: "0 0"}) {
		t.Errorf("%v", p.Answers)
	}
	for _, keep := range [][]int{{1, 0}, {6}} {
		if _, err := f.Only(keep); err == nil {
			t.Errorf("%v: no error", keep)
		}
	}
	if none, err := f.Only(nil); err != nil {
		t.Error(err)
	} else if _, err := none.Play(systems.PlayOptions{}); err == nil {
		t.Error("a run of nothing")
	}
}

// watcher takes a run down and asks for names while it goes on.
type watcher struct {
	t       *testing.T
	names   systems.Names
	answers []systems.Answer
	steps   int
	most    int
}

func (w *watcher) Step(*model.State, reports.Step) { w.steps++ }
func (w *watcher) Over() bool                      { return w.most > 0 && len(w.answers) > w.most }
func (w *watcher) Done(line int, _, answer string, s *model.State) {
	w.answers = append(w.answers, systems.Answer{Line: line, Text: answer})
	f, err := w.names.Frame(s, "f3")
	if err != nil || w.names.FrameName(s, f) != "f3" || w.names.EntryText(s, model.MakeEntry(s.L.Map.MFN(f), model.Present)) != "f3:P" {
		w.t.Errorf("f3: %v, %v", f, err)
	}
	if va, err := w.names.Address(s, "s1"); err != nil || va == 0 {
		w.t.Errorf("s1: %v, %v", va, err)
	}
	for _, bad := range []string{"s99", "y", "0y"} {
		if _, err := w.names.Address(s, bad); err == nil {
			w.t.Errorf("address %s", bad)
		}
		if _, err := w.names.Frame(s, bad+" #= syntax"); err == nil {
			w.t.Errorf("frame %s", bad)
		}
	}
}

// TestWatcher sees the same answers as the run gives, and can end it.
func TestWatcher(t *testing.T) {
	f := parse(t, text)
	w := &watcher{t: t, names: f.Scenario.Names()}
	p, err := f.Play(systems.PlayOptions{Watch: w})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.answers[1:], p.Answers) || w.answers[0].Text != "ok" || w.steps == 0 || !slices.Equal(p.Printed, played(t, f).Printed) {
		t.Errorf("saw %v, the run answers %v", w.answers, p.Answers)
	}
	short := &watcher{t: t, names: f.Scenario.Names(), most: 2}
	if p, err = f.Play(systems.PlayOptions{Watch: short}); err != nil || len(p.Answers) != 2 || slices.Contains(p.Printed, "END") {
		t.Errorf("%v, %v", err, p)
	}
	if _, err := f.Scenario.Names().Frame(&model.State{}, "f3"); err == nil {
		t.Error("names after the run")
	}
}

// TestBadFiles wants a message with the place of the mistake.
func TestBadFiles(t *testing.T) {
	for src, want := range map[string]string{
		"":                                "a.pt:1:1: no operation",
		"# nothing\nt title\n":            "a.pt:1:1: no operation",
		"guest 32\n":                      "a.pt:1:1: no operation",
		"reset\n  setup_start\n":          "a.pt:2:3: setup_start is no operation of a script",
		"reset\nsetup_start #= ok\n":      "a.pt:2:1: setup_start is no operation",
		"reset\npin 1\n":                  "a.pt:2:1: pin takes 2 operands",
		"reset\nguest 32\n":               "a.pt:2:1: guest comes after the first operation",
		"guest 32\nguest 32\nreset\n":     "a.pt:2:1: guest is there twice",
		"# 32 bits\nguest 64\nreset\n":    "a.pt:2:1: guest 64: the first line says 32 bits",
		"guest 16\nreset\n":               "a.pt:1:1: no guest is named \"16\"",
		"guest any\nreset\n":              "a.pt:1:1: no guest is named \"any\"",
		"guest domU\nguest dom0\nreset\n": "a.pt:2:1: guest is there twice",
		"guest 32\nreset\nguest domU\n":   "a.pt:3:1: guest comes after the first operation",
		"profile xen-9\nreset\n":          "a.pt:1:1: no rules are named",
		"scope frames 4\nreset\n":         "a.pt:1:1: scope means nothing",
		"expect holds\nstart x\nreset\n":  "a.pt:2:1: start means nothing",
	} {
		_, err := set(t).Parse("a.pt", []byte(src))
		var at *script.Error
		if !strings.Contains(src, "pin 1\n") && !errors.As(err, &at) || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q\n got %v\nwant %s", src, err, want)
		}
	}
	parse(t, "setup_start #= syntax\npin #= syntax\n")
	f, mistakes := script.Parse("a.pt", []byte("setup_start\npin\n"))
	f.Recording = []string{"END"}
	if _, err := set(t).Read(f); err != nil || mistakes == nil {
		t.Errorf("recorded: %v, %v", err, mistakes)
	}
}

// TestExecutors holds that each operation is known to what carries it out, and that
// there is none that the language does not have.
func TestExecutors(t *testing.T) {
	operands := map[script.Kind]string{
		script.KindFrame: "f0", script.KindFrameOrZero: "0", script.KindAddr: "s0", script.KindEntry: "0", script.KindNumber: "1", script.KindWord: "null",
	}
	seen := 0
	for _, spec := range script.Specs() {
		if executorOf(spec.Name) == nil {
			continue
		}
		seen++
		words := []string{spec.Name}
		for _, k := range spec.Args {
			words = append(words, operands[k])
		}
		g, err := New(Config{Bits: 64, Script: 1})
		if err != nil {
			t.Fatal(err)
		}
		l, bad := script.ParseLine(strings.Join(words, " "))
		if bad != nil {
			t.Fatal(bad)
		}
		if g.Line(&l, 1); g.answer() == "syntax" {
			t.Errorf("%s is a mistake", l.Raw)
		}
	}
	all := 0
	for _, x := range executors {
		all += len(x.names)
	}
	for _, v := range model.Verbs() {
		if v.OnXen {
			all++
		}
	}
	if seen != all {
		t.Errorf("%d operations of the language are carried out, there are %d", seen, all)
	}
}
