package corpus

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/systems"
)

// TestCorpus carries out every scenario of the corpus; the results do not depend
// on how many run at a time.
func TestCorpus(t *testing.T) {
	set := setOf(t)
	names, err := Files(".")
	if err != nil {
		t.Fatal(err)
	}
	results := Run(context.Background(), set, names)
	among := map[string]Result{}
	for i, r := range results {
		if r.Err != nil || r.Failure != "" {
			t.Errorf("%v %s", r.Err, r.Failure)
		}
		among[names[i]] = r
	}
	for _, name := range longtest.Part(t, names, 8) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if one := Check(set, name, src); !reflect.DeepEqual(one, among[name]) {
			t.Errorf("%s: %+v among others, %+v alone", name, among[name], one)
		}
	}
}

// TestMutantsAreInCorpus holds catalogue and corpus together: each mutant has its
// file, which is the shortest way to the rule that the catalogue names. "ptcheck
// corpus add --mutants" writes them.
func TestMutantsAreInCorpus(t *testing.T) {
	set := setOf(t)
	planted, err := Mutants()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range planted {
		src, err := os.ReadFile(MutantFile(&m))
		if err != nil {
			t.Errorf("%v: run ptcheck corpus add --mutants", err)
			continue
		}
		tr, err := set.Parse(MutantFile(&m), src)
		if err != nil {
			t.Error(err)
			continue
		}
		want := "violated " + m.Catch
		if kind, ok := strings.CutPrefix(m.Catch, "crash "); ok {
			want = "crashed " + kind
		} else if m.Catch == "" {
			want = "holds"
		}
		if tr.Mutant != m.ID || tr.System() != m.SystemName() || tr.Expect == nil || tr.Expect.String() != want {
			t.Errorf("%s: mutant %s of %s, expects %v; want %s of %s, %s", tr.Name, tr.Mutant, tr.System(), tr.Expect, m.ID, m.SystemName(), want)
		}
		if m.Catch != "" && tr.Len() != m.Steps {
			t.Errorf("%s: %d operations, the catalogue says %d: run ptcheck corpus add --mutants", tr.Name, tr.Len(), m.Steps)
		}
	}
}

const good = "mutant B02\nexpect violated leaf-rewritten\nsystem native\nstart 2level-8f\nsetup_start\nmap_lowmem f0\n"

// TestBadFiles wants files that cannot be used told from scenarios that do not
// end as they must, and both to say where.
func TestBadFiles(t *testing.T) {
	for _, x := range []struct{ old, now, bad, failure string }{
		{"mutant B02", "mutant B99", `f:1:1: no mutant is named "B99"`, ""},
		{"mutant B02", "mutant B08", "f:1:1: B08 is no mutant of system native", ""},
		{"mutant B02", "version 2\nmutant B02", "f:1:1: version 2 of the scenario language is not known", ""},
		{"mutant B02", "version one\nmutant B02", `f:1:9: "one" is not a number`, ""},
		{"mutant B02", "version 1\nversion 1\nmutant B02", "f:2:1: version is there twice", ""},
		{"map_lowmem f0\n", "version 1\n", "f:6:1: version belongs before the first operation", ""},
		{"mutant B02", "mutant B02\nmutant B02", "f:2:1: mutant is there twice", ""},
		{"violated leaf-rewritten", "broken", `f:2:1: "broken" is no verdict`, ""},
		{"violated leaf-rewritten", "violated", `f:2:1: "violated" is no verdict`, ""},
		{"expect violated leaf-rewritten\n", "", `f:1: neither a line "expect VERDICT" nor an expected answer`, ""},
		{"system native", "sistem native", `f:3:1: unknown operation "sistem"`, ""},
		{"system native", "system solaris", `f:3:1: no system is named "solaris"`, ""},
		{"system native\nstart 2level-8f\n", "", "f:1:1: B02 is no mutant of system ", ""},
		{"start 2level-8f", "start 9level", `f:4:1: system native has no start of day named "9level"`, ""},
		{"map_lowmem f0", "zap", `f:6:1: the protocol does not allow "zap" here`, ""},
		{"map_lowmem f0\n", "expect holds\n", "f:6:1: expect belongs before the first operation", ""},
		{good, "reset\n", "f:1: neither a line \"expect VERDICT\" nor an expected answer", ""},
		{"violated leaf-rewritten", "violated zap-complete", "", `f: ends as "violated leaf-rewritten", want "violated zap-complete"`},
		{"violated leaf-rewritten", "holds", "", `f: ends as "violated leaf-rewritten", want "holds"`},
		{"mutant B02\n", "", "", `f: ends as "holds", want "violated leaf-rewritten"`},
		{"map_lowmem f0", "map_lowmem f0\nmap_lowmem f1", "", "f:7:1: a call has gone wrong before this one"},
		{"setup_start", "setup_start #= violated root-valid", "", `f:5: answers "ok", want "violated root-valid"`},
		{good, "reset #= 1\n", "", `f:1: answers "0", want "1"`},
	} {
		text := strings.Replace(good, x.old, x.now, 1)
		if text == good {
			t.Fatalf("%q is not there", x.old)
		}
		r := Check(setOf(t), "f", []byte(text))
		if x.bad != "" && (r.Err == nil || !strings.Contains(r.Err.Error(), x.bad) || r.Failure != "") {
			t.Errorf("%q: %v, %q; want the error %q", x.now, r.Err, r.Failure, x.bad)
		}
		if x.failure != "" && (r.Err != nil || !strings.Contains(r.Failure, x.failure)) {
			t.Errorf("%q: %v, %q; want the failure %q", x.now, r.Err, r.Failure, x.failure)
		}
	}
	if r := Check(setOf(t), "f", []byte(good)); r.Err != nil || r.Failure != "" {
		t.Errorf("%+v", r)
	}
}

// TestVersionLines wants every file of the corpus to say its version, in the place where
// it would be written, and files from before there were versions to mean the same.
func TestVersionLines(t *testing.T) {
	set := setOf(t)
	names, err := Files(".")
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Appendf(nil, "version %d\n", systems.Version)
	for i, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := set.Parse(name, src)
		if err != nil {
			t.Fatal(err)
		}
		if text := f.Text(); !bytes.Equal(text, src) || !bytes.Contains(src, line) {
			t.Errorf("%s would be written\n%s", name, text)
		}
		if i%8 > 0 {
			continue // a part of them tells
		}
		old := bytes.Replace(src, line, nil, 1)
		if r := Check(set, name, old); r.Err != nil || r.Failure != "" {
			t.Errorf("%s without its version: %v %s", name, r.Err, r.Failure)
		}
	}
}

// TestCanonicalNames holds that names go by what happens: a scenario has the name that
// it was filed under before there were versions.
func TestCanonicalNames(t *testing.T) {
	hashed := regexp.MustCompile(`-(holds|violated-[a-z0-9-]+|crashed-[a-z-]+)-[0-9a-f]{8}\.pt$`)
	names, err := Files(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range names {
		if !hashed.MatchString(name) {
			continue
		}
		found++
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := setOf(t).Parse(name, src)
		if err != nil {
			t.Fatal(err)
		}
		if got := fileName(f); got != filepath.Base(name) {
			t.Errorf("%s would be named %s", name, got)
		}
	}
	if found == 0 {
		t.Error("no file has a name with a hash")
	}
}

// TestSilentWithoutMutant holds that a scenario must be silent without its mutant:
// Xen 4.17 leaks with and without any.
func TestSilentWithoutMutant(t *testing.T) {
	text := "mutant X02-unused\nexpect violated counts-agree\nsystem pvdp\nprofile xen-4.17\nscope frames 8\nscope levels 4\nscope slots 2\n" +
		"mu f0 0 0\nmu f3 1 f0:P\nmu f4 1 f2:P\npin 4 f4\n"
	if r := Check(setOf(t), "f", []byte(text)); r.Err != nil || !strings.Contains(r.Failure, "without mutant X02-unused") {
		t.Errorf("%+v", r)
	}
}

// TestAddKnown files a scenario once.
func TestAddKnown(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		tr, err := setOf(t).Parse("f", []byte(strings.Replace(good, "map_lowmem f0", "map_lowmem f3", 1)))
		if err != nil {
			t.Fatal(err)
		}
		a, err := Add(setOf(t), dir, tr, 0)
		if err != nil || a.Known != (i > 0) || !strings.HasPrefix(filepath.Base(a.Path), "B02-violated-leaf-rewritten-") {
			t.Errorf("%+v, %v", a, err)
		}
	}
	names, err := Files(dir)
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v", names, err)
	}
	src, err := os.ReadFile(names[0])
	if err != nil || !strings.HasSuffix(string(src), "map_lowmem f0\n") {
		t.Errorf("%s, %v", src, err)
	}
	wrong, err := setOf(t).Parse("f", []byte(strings.Replace(good, "violated leaf-rewritten", "holds", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Add(setOf(t), dir, wrong, 0); err == nil {
		t.Error("a scenario is added that does not end as it says")
	}
}

// TestImportRefuses wants files that are no findings refused with their place.
func TestImportRefuses(t *testing.T) {
	for src, want := range map[string]string{
		goFuzz + "\n[]byte(\"\\x00\")\n":      "p/FuzzNothing/x:1: drive: no fuzz target that drives something is named \"FuzzNothing\"",
		goFuzz + "\nint(3)\n":                 "x:2: want one argument of type []byte",
		goFuzz + "\n[]byte(\"\\x0\")\n":       "x:2: ",
		goFuzz + "\n[]byte(\"a\")\n[]byte(b)": "x:2: ",
		"FAIL\n":                              "x:1: neither a file of Go's fuzzing",
		"setup_start\n":                       "x:1: neither a file of Go's fuzzing",
		"system xen\nstart nowhere\n":         "no start of day named \"nowhere\"",
	} {
		if _, err := Import(setOf(t), "p/FuzzNothing/x", []byte(src), "", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", src, err, want)
		}
	}
}

// TestJUnit writes results of all three kinds.
func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	err := WriteJUnit(&b, []Result{{Name: "d/a.pt"}, {Name: "d/b.pt", Failure: "ends <badly>"}, {Name: "d/c.pt", Err: os.ErrNotExist}})
	want := []string{`tests="3" failures="1" errors="1"`, `name="a.pt"></testcase>`, `<failure message="ends &lt;badly&gt;">`, `<error message="file does not exist">`}
	for _, w := range want {
		if err != nil || !strings.Contains(b.String(), w) {
			t.Errorf("no %q in\n%s%v", w, &b, err)
		}
	}
}
