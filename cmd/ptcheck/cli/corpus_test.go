package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const shortB02 = "mutant B02\nexpect violated leaf-rewritten\nsystem native\nstart 2level-8f\nsetup_start\nmap_lowmem f0\n"

// TestCorpusExitCodes wants 0 for what ends as it must, 1 for what does not and 2
// for what cannot be used.
func TestCorpusExitCodes(t *testing.T) {
	good := scenarioFile(t, shortB02)
	failing := scenarioFile(t, strings.Replace(shortB02, "leaf-rewritten", "zap-complete", 1))
	bad := scenarioFile(t, strings.Replace(shortB02, "system", "sistem", 1))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"corpus", "run", good}, exitHolds, "1 files: 1 pass, 0 fail, 0 cannot be used"},
		{[]string{"corpus", "run", good, failing}, exitViolated, `ends as "violated leaf-rewritten", want "violated zap-complete"`},
		{[]string{"corpus", "run", failing, bad}, exitUsage, bad + `:3:1: unknown operation "sistem"`},
		{[]string{"corpus", "run", "no-such-file.pt"}, exitUsage, "no-such-file.pt"},
		{[]string{"corpus", "run", "--dir", t.TempDir()}, exitUsage, "no scenario files"},
		{[]string{"corpus", "add", "--dir", t.TempDir()}, exitUsage, "want files or --mutants"},
		{[]string{"corpus", "import", good, "--mutant=B02", "--dir", t.TempDir()}, exitHolds, "replay: ptcheck replay "},
		{[]string{"replay", good}, exitHolds, "ends as expected: violated leaf-rewritten"},
		{[]string{"show", "--step=2", good}, exitHolds, "violated leaf-rewritten"},
		{[]string{"replay", failing}, exitViolated, `ends as "violated leaf-rewritten", expected is "violated zap-complete"`},
		{[]string{"replay", scenarioFile(t, strings.Replace(shortB02, "mutant B02\n", "", 1))}, exitViolated, `ends as "holds"`},
	} {
		code, stdout, stderr := ptcheck(t, c.args...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%v: exit %d, want %d with %q\n%s%s", c.args, code, c.code, c.want, stdout, stderr)
		}
	}
}

// TestCorpusJUnit writes the results of a run for CI.
func TestCorpusJUnit(t *testing.T) {
	out := filepath.Join(t.TempDir(), "corpus.xml")
	if code, stdout, stderr := ptcheck(t, "corpus", "run", "--junit", out, scenarioFile(t, shortB02)); code != exitHolds {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	if text, err := os.ReadFile(out); err != nil || !strings.Contains(string(text), `tests="1" failures="0" errors="0"`) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestCorpusShrink shrinks a whole boot to two calls, and files it.
func TestCorpusShrink(t *testing.T) {
	long := scenarioFile(t, "mutant B08\nsystem xen\nstart 2level-xen-3.1-12f-8mapped-2stale\nsetup_start\nrange fixmap\nfixmap 2\nmap_lowmem f0\n")
	code, stdout, stderr := ptcheck(t, "corpus", "shrink", long)
	if code != exitHolds || strings.Count(stdout, "\n") != 6 || !strings.Contains(stderr, "minimal: true") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	dir := t.TempDir()
	if code, stdout, stderr = ptcheck(t, "corpus", "add", "--dir", dir, long); code != exitHolds {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = ptcheck(t, "corpus", "run", "--dir", dir); code != exitHolds || !strings.Contains(stdout, "B08-crashed-store-rejected-") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr = ptcheck(t, "corpus", "shrink", scenarioFile(t, "system native\nstart 2level-8f\nsetup_start\n")); code != exitUsage || !strings.Contains(stderr, "nothing goes wrong") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// TestRandomFindingsShort wants the scenario of a random walk shrunk: the leak of
// Xen 4.17 takes four operations.
func TestRandomFindingsShort(t *testing.T) {
	dir := t.TempDir()
	code, stdout, stderr := ptcheck(t, "explore", "adversary", "--ops=mu,pin", "--flags=P", "--depth=40",
		"--strategy=random", "--walks=10000", "--seed=3", "--save", dir)
	text, err := os.ReadFile(filepath.Join(dir, "ptcheck-adversary-counts-agree.pt"))
	if err != nil || code != exitViolated {
		t.Fatalf("exit %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if ops := strings.Count(string(text), "\nmu ") + strings.Count(string(text), "\npin "); ops > 5 {
		t.Errorf("%d operations\n%s", ops, text)
	}
}
