package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/systems/all"
)

// full is an output that takes some bytes and then no more, as a full disk does.
type full struct {
	room int
	got  bytes.Buffer
}

func (f *full) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	f.got.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

// TestFullOutput holds that an answer that did not arrive is no success, whichever
// command gives it.
func TestFullOutput(t *testing.T) {
	scenario := scenarioFile(t, "system native\nstart 2level-8f\nsetup_start #= ok\n")
	part := split(t, 1, "native", "--depth=1")[0]
	for _, args := range [][]string{
		{"merge", "--save=", part}, {"explore", "native", "--depth=1", "--save=", "--shard=1/2", "--part=" + filepath.Join(t.TempDir(), "part.json")},
		{"explore", "native", "--depth=1", "--save="}, {"explore", "native", "--depth=1", "--save=", "--json"},
		{"explore", "native", "--depth=1", "--save=", "--format=sarif"}, {"replay", scenario},
		{"corpus", "run", scenarioFile(t, "expect holds\nsystem native\nstart 2level-8f\n")},
		{"boot", "--check", goldens + "native/2level_nr_fixed1_pse1.json"}, {"boot", goldens + "native/2level_nr_fixed1_pse1.json"},
		{"list"}, {"explain", "no-dangling"}, {"mutants", "B02"}, {"show", "--frames", scenario}, {"--help"}, {"--version"},
	} {
		for _, room := range []int{0, 10} {
			var errs bytes.Buffer
			code := run(context.Background(), all.Systems(), args, &full{room: room}, &errs)
			if code != exitUsage || strings.Count(errs.String(), "no space left") != 1 || !strings.Contains(errs.String(), "standard output: no space left") {
				t.Errorf("%v with room for %d bytes: exit %d, stderr %q", args, room, code, errs.String())
			}
		}
	}
}

// TestUnwritablePlaces holds that places that were asked for are looked at before a
// search, all of them, and that the default one does not stop it.
func TestUnwritablePlaces(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no /dev/null there")
	}
	code, out, errs := ptcheck(t, "explore", "native", "--lowmem=12", "--depth=0", "--report=/dev/null/r", "--graph=/dev/null/g", "--save=/dev/null/s")
	if code != exitUsage || out != "" || strings.Count(errs, "\n") != 3 {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
	for _, flag := range []string{"--report", "--graph", "--save"} {
		if !strings.Contains(errs, flag) {
			t.Errorf("%q does not name %s", errs, flag)
		}
	}
	for _, args := range [][]string{
		{"replay", "--report=/dev/null/r", scenarioFile(t, "system native\nstart 2level-8f\n")},
		{"corpus", "run", "--junit=/dev/null/j", "x.pt"}, {"mutants", "B02", "--report=/dev/null/r"}, {"boot", "--svg=/dev/null/s", plainBoot()},
		{"man", "/dev/null/m"}, {"corpus", "shrink", "--output=/dev/null/o", "x.pt"},
	} {
		if code, out, errs := ptcheck(t, args...); code != exitUsage || out != "" || !strings.Contains(errs, "/dev/null") {
			t.Errorf("%v: exit %d, stdout %q, stderr %q", args, code, out, errs)
		}
	}
}

// TestFindingDelivered holds that a finding is printed whole although nothing can be
// saved: in a folder that cannot be written, which root can write all the same, so a
// folder that is gone stands for it.
func TestFindingDelivered(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a folder in use cannot be removed there")
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(gone)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	code, out, errs := ptcheck(t, "explore", "adversary", "--profile=xen-4.17", "--depth=4")
	if code != exitUsage || !strings.Contains(out, "violated: ") || !strings.Contains(out, "calls (") {
		t.Errorf("exit %d, stdout %q", code, out)
	}
	if !strings.Contains(errs, "cannot be saved here") || !strings.Contains(errs, "is not saved") {
		t.Errorf("stderr %q", errs)
	}
}

// TestHeldAnyway holds that a search that finds nothing does not care where it could
// not have saved something.
func TestHeldAnyway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a folder in use cannot be removed there")
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(gone)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := ptcheck(t, "explore", "native", "--depth=2"); code != exitHolds || !strings.Contains(out, "holds") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
}

// TestNothingIsNoSuccess holds that a run of nothing, or of something else than what
// was meant, is refused with a reason.
func TestNothingIsNoSuccess(t *testing.T) {
	file := func(text string) string { return scenarioFile(t, text) }
	for name, args := range map[string][]string{
		"empty":                  {"replay", file("")},
		"blank":                  {"replay", file("\n\n  \n")},
		"comments":               {"replay", file("# nothing\n")},
		"no system":              {"replay", file("setup_start\n")},
		"binary":                 {"replay", file("\x7fELF\x00\x01\x02")},
		"not utf-8":              {"replay", file("system native\nstart \xff\xfe\n")},
		"bits of a kernel":       {"replay", "--bits=32", file("system native\nstart 2level-8f\n")},
		"profile of a kernel":    {"replay", "--profile=xen-3.1", file("system native\nstart 2level-8f\n")},
		"bits of no guest":       {"replay", "--bits=48", file("map s0 f0:PW\n")},
		"recording not there":    {"replay", "--against=no-such.out", file("map s0 f0:PW\n")},
		"rewrite and report":     {"replay", "--rewrite", "--format=json", file("map s0 f0:PW\n")},
		"rewrite of stdin":       {"replay", "--rewrite", "-"},
		"stale beyond machines":  {"explore", "xen", "--stale=999", "--depth=1"},
		"version of the future":  {"replay", file("version 2\nsystem native\nstart 2level-8f\n")},
		"two versions":           {"replay", file("version 1\nversion 1\nsystem native\nstart 2level-8f\n")},
		"show of nothing":        {"show", "--frames", file("")},
		"corpus of nothing":      {"corpus", "run", file("")},
		"show, bits of a kernel": {"show", "--bits=32", "--frames", file("system native\nstart 2level-8f\n")},
		"no such mutant":         {"replay", file("mutant B99\nsystem native\nstart 2level-8f\n")},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := ptcheck(t, args...)
			if code != exitUsage {
				t.Errorf("%v: exit %d, stdout %q, stderr %q", args, code, out, errs)
			}
			if errs == "" && !strings.Contains(out, "BAD") {
				t.Errorf("%v: no reason given", args)
			}
		})
	}
}

// TestTerminalEscapes holds that nothing from a file reaches the terminal as it is.
func TestTerminalEscapes(t *testing.T) {
	const evil = "\x1b[2J\x1b]0;owned\x07"
	texts := []string{
		"# " + evil + "\nsystem native\nstart 2level-8f\nsetup_start #= " + evil + "\n",
		"t " + evil + "\nmap s0 f0:PW #= " + evil + "\n",
		"system native\nstart " + evil + "\n", "fly" + evil + "\n", "system " + evil + "\n", "mutant " + evil + "\nsystem native\nstart 2level-8f\n",
		"expect violated " + evil + "\nsystem native\nstart 2level-8f\nsetup_start\n",
	}
	for _, text := range texts {
		file := scenarioFile(t, text)
		for _, args := range [][]string{{"replay", file}, {"corpus", "run", file}, {"show", "--frames", file}, {"replay", "--format=text", file},
			{"replay", "--format=markdown", file}, {"replay", "--format=junit", file}, {"corpus", "shrink", file}} {
			if _, out, errs := ptcheck(t, args...); strings.ContainsAny(out+errs, "\x1b\x07") {
				t.Errorf("%v of %q prints %q, %q", args, text, out, errs)
			}
		}
	}
}

// TestStandardInput holds that "-" is the standard input, with a byte order mark or
// without line end.
func TestStandardInput(t *testing.T) {
	set := []string{"\ufeffsystem native\nstart 2level-8f\nsetup_start  #= ok", "system native\r\nstart 2level-8f\r\nsetup_start  #= ok\r\n"}
	for _, text := range set {
		code, out, errs := withInput(t, strings.NewReader(text), "replay", "-")
		if code != exitHolds || !strings.Contains(out, "setup_start = ok") {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", text, code, out, errs)
		}
	}
	code, out, _ := withInput(t, strings.NewReader("map s0 f0:PW #= 77"), "replay", "-")
	if code != exitViolated || !strings.Contains(out, "want 77") {
		t.Errorf("exit %d, stdout %q", code, out)
	}
}

// withInput runs the command line with a standard input.
func withInput(t *testing.T, in io.Reader, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = runWith(context.Background(), all.Systems(), args, in, &out, &errs)
	return code, out.String(), errs.String()
}
