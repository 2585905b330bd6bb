package systems_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
)

// keepsLeaves is a bug of the kernel.
func keepsLeaves(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		if !k.Read(pte).Is(model.Present) {
			hooks.MapPage(k, pte, pfn)
		}
	}
}

// set has two systems and a bug of one of them.
func set(t *testing.T) *systems.Set {
	t.Helper()
	s, err := systems.NewSet(func(id string, in systems.About) (systems.Change, error) {
		if id != "keeps" || in.Name != "native" {
			return systems.Change{}, errors.New("no such bug")
		}
		return systems.Change{Kernel: keepsLeaves}, nil
	}, boot.Native(), boot.Xen())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unnamed is a system that is only replayed, for scripts that name none.
type unnamed struct{ systems.System }

func (unnamed) About() systems.About { return systems.About{Name: "guest", Unnamed: true} }

// TestSet finds systems and refuses sets that cannot be.
func TestSet(t *testing.T) {
	s := set(t)
	if got := s.Names(); len(got) != 2 || len(s.Default()) != 2 || len(s.All()) != 2 {
		t.Errorf("%v", got)
	}
	if x, err := s.Find("xen"); err != nil || x.About().Name != "xen" {
		t.Errorf("%v, %v", x, err)
	}
	if _, err := s.Find("nativ"); err == nil || !strings.Contains(err.Error(), "did you mean native?") || !strings.Contains(err.Error(), "native, xen") {
		t.Errorf("%v", err)
	}
	if _, err := systems.NewSet(nil, boot.Native(), boot.Native()); err == nil {
		t.Error("two of one name")
	}
	for _, name := range []string{"", "two words", "a#b"} {
		if _, err := systems.NewSet(nil, boot.OnBareMetal(name, "", nil)); err == nil {
			t.Errorf("a system named %q", name)
		}
	}
	none, err := systems.NewSet(nil, unnamed{boot.Xen()}, boot.OnBareMetal("mine", "", nil))
	if err != nil || len(none.Names()) != 1 || len(none.Default()) != 1 {
		t.Errorf("%v, %v", none.Names(), err)
	}
	if _, err := none.Bug("keeps", boot.Native()); err == nil || !strings.Contains(err.Error(), "knows none") {
		t.Errorf("%v", err)
	}
	if x, err := none.Parse("f", []byte("start 2level-xen-3.1-8f-8mapped-8stale\n")); err != nil || x.System() != "xen" {
		t.Errorf("%v, %v", x, err)
	}
}

const scenario = `# leaves are kept
# by a bug
version 1
mutant keeps
expect violated leaf-rewritten
system native
start 2level-8f
setup_start
map_lowmem f3
`

// TestFile reads a scenario file and writes it.
func TestFile(t *testing.T) {
	f, err := set(t).Parse("f", []byte(scenario))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(f.Text()); got != scenario {
		t.Errorf("comes back as\n%s", got)
	}
	if f.System() != "native" || f.Mutant != "keeps" || len(f.About) != 2 || f.Len() != 2 || f.Expect == nil {
		t.Errorf("%+v", f)
	}
	v, err := f.Verdict()
	if err != nil || !v.Meets(*f.Expect) {
		t.Errorf("%v, %v", v, err)
	}
	if v, err = f.Sound().Verdict(); err != nil || v.Fails() || strings.Contains(string(f.Sound().Text()), "mutant") {
		t.Errorf("without its bug: %v, %v", v, err)
	}
	if rep, err := f.Explain(); err != nil || rep.Rule != "leaf-rewritten" || len(rep.Calls) != 2 {
		t.Errorf("%+v, %v", rep, err)
	}
	if rep, err := f.Sound().Explain(); err == nil {
		t.Errorf("%+v is explained", rep)
	}
	if _, _, err := f.Sound().Shrink(0); err == nil {
		t.Error("what holds is shrunk")
	}
	if only, err := f.Only([]int{0}); err != nil || only.Len() != 1 || only.Mutant != "keeps" {
		t.Errorf("%+v, %v", only, err)
	}
}

// TestShrinkFile shrinks a file and keeps what it says.
func TestShrinkFile(t *testing.T) {
	long := strings.Replace(scenario, "map_lowmem f3", "range fixmap #= ok\nmap_lowmem f1\nmap_all", 1)
	f, err := set(t).Parse("f", []byte(strings.Replace(long, "setup_start\n", "setup_start\nfixmap 2\n", 1)))
	if err != nil {
		t.Fatal(err)
	}
	small, how, err := f.Shrink(0)
	if err != nil || small.Len() != 2 || how.From != 5 || how.To != 2 || small.Mutant != "keeps" {
		t.Fatalf("%+v, %+v, %v", small, how, err)
	}
	back, err := set(t).Parse("small", small.Text())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := back.Verdict(); err != nil || v.String() != "violated leaf-rewritten" {
		t.Errorf("%v, %v", v, err)
	}
}

// TestNewFile makes files of scenarios, with bugs that fit.
func TestNewFile(t *testing.T) {
	s := set(t)
	f, err := s.Parse("f", []byte("system native\nstart 2level-8f\nsetup_start\nmap_lowmem f3\n"))
	if err != nil {
		t.Fatal(err)
	}
	bad, err := s.New(f.Scenario, "keeps")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := bad.Verdict(); err != nil || !v.Fails() || !strings.Contains(string(bad.Text()), "\nmutant keeps\n") {
		t.Errorf("%v, %v\n%s", v, err, bad.Text())
	}
	if _, err := s.New(f.Scenario, "other"); err == nil {
		t.Error("a bug that is not there")
	}
}

// TestAnswers compares answers with those that lines expect.
func TestAnswers(t *testing.T) {
	f, err := set(t).Parse("f", []byte("system native\nstart 2level-8f\nsetup_start #= ok\nmap_lowmem f3 #= crashed\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Play(systems.PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var wrong *systems.AnswerError
	if err := f.Check(p); !errors.As(err, &wrong) || err.Error() != `f:4: answers "ok", want "crashed"` {
		t.Errorf("%v", err)
	}
	if want, ok := f.Wants(3); !ok || want != "ok" {
		t.Errorf("%q, %t", want, ok)
	}
	if _, ok := f.Wants(2); ok {
		t.Error("a line without an answer expects one")
	}
}

// TestHeaders wants mistakes in the head of a file named with their place.
func TestHeaders(t *testing.T) {
	for _, x := range []struct{ text, want string }{
		{"start 2level-8f\n", `f:1:1: no line "system NAME"`},
		{"system solaris\n", `f:1:1: no system is named "solaris"`},
		{"version 2\nsystem native\n", "f:1:1: version 2 of the scenario language is not known: this ptcheck reads version 1"},
		{"version 1\nversion 1\nsystem native\n", "f:2:1: version is there twice"},
		{"system native\n  system xen\n", "f:2:3: system is there twice"},
		{"mutant other\nsystem native\nstart 2level-8f\n", "f:1:1: no such bug"},
		{"mutant keeps\nsystem xen\nstart 2level-8f\n", "f:1:1: no such bug"},
		{"expect sunshine\nsystem native\nstart 2level-8f\n", `f:1:1: "sunshine" is no verdict`},
		{"system native\nstart 2level-8f\nsetup_start\nexpect holds\n", "f:4:1: expect belongs before the first operation"},
		{"system native\nstart 2level-8f\nsetup_start\nversion 1\nmutant keeps\n", "f:5:1: mutant belongs before the first operation"},
	} {
		_, err := set(t).Parse("f", []byte(x.text))
		var at *script.Error
		if err == nil || !strings.Contains(err.Error(), x.want) || !errors.As(err, &at) {
			t.Errorf("%q: %v, want %s", x.text, err, x.want)
		}
	}
}

// TestPlacedErrors: an error with a place is found by its cause, too.
func TestPlacedErrors(t *testing.T) {
	cause := &systems.BootDies{Start: "3level-fork", Crash: model.Crash{Kind: model.CrashBug}}
	err := systems.Line{File: "f", No: 3, Col: 2}.Wrap(cause)
	var dies *systems.BootDies
	var at *script.Error
	if !errors.As(err, &dies) || dies != cause || !errors.As(err, &at) || at.Line != 3 || !strings.HasPrefix(err.Error(), "f:3:2: 3level-fork: the boot dies") {
		t.Errorf("%v", err)
	}
	if systems.Line.Wrap(systems.Line{}, cause) != error(cause) {
		t.Error("what comes from no file has a place")
	}
}
