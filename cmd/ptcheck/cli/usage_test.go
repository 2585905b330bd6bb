package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// TestGuesses wants one line that says what was probably meant.
func TestGuesses(t *testing.T) {
	for line, want := range map[string]string{
		"explor":                                "did you mean explore?; usage: ptcheck",
		"conform zen":                           "did you mean xen?",
		"explore --dept=3":                      "did you mean --depth?; see 'ptcheck explore --help'",
		"boot --chek x":                         "did you mean --check?",
		"explore xne":                           "did you mean xen?",
		"explore solaris":                       systemNames(t),
		"explore --strategy=dsf":                "want bfs, dfs, random; did you mean dfs?",
		"explore --store=exakt":                 "did you mean exact?",
		"explore xen --profile=xen-4.71":        "did you mean xen-4.17?",
		"explore adversary --ops=pni":           "pni",
		"explain tables-readonly":               "did you mean tables-read-only?",
		"mutants B8":                            "did you mean B",
		"diff --ignore=frame a b":               "did you mean frames?",
		"diff a":                                "usage: ptcheck diff A B",
		"boot":                                  "usage: ptcheck boot [CONFIG.json]",
		"list x":                                "usage: ptcheck list",
		"--progress=no list":                    "want auto, always, never",
		"explore --depth=x":                     "see 'ptcheck explore --help'",
		"boot --map --svg=x y":                  "[map svg]",
		"show --bits=16 x":                      "want 32, 64",
		"show no-such.pt":                       "no-such.pt",
		"diff no-such.json no-such.json":        "no-such.json",
		"man /dev/null/x":                       "/dev/null",
		"init x":                                "c go",
		"init --c --go x":                       "c go",
		"init --c":                              "usage: ptcheck init --c|--go DIR",
		"init --go .":                           "is not empty",
		"init --go --source=/dev/null no-such":  "no source of ptcheck's",
		"explore shadow --profile=xen-4.17":     "--profile means nothing to system shadow",
		"boot --svg=/dev/null/x " + plainBoot(): "/dev/null",
	} {
		code, out, errs := ptcheck(t, strings.Fields(line)...)
		if code != exitUsage || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want exit 2 and one line with %q", line, code, out, errs, want)
		}
	}
}

// systemNames lists what can be searched.
func systemNames(t *testing.T) string {
	t.Helper()
	set, err := mutants.Set()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(set.Names(), ", ")
}

func plainBoot() string { return goldens + "native/2level_nr_fixed1_pse1.json" }

// TestBackendsOwnRules explains a rule that a backend brings with it.
func TestBackendsOwnRules(t *testing.T) {
	if code, out, _ := ptcheck(t, "explain", "changes-announced"); code != exitHolds || !strings.Contains(out, "Every change of a table in use has been announced") {
		t.Errorf("exit %d, %s", code, out)
	}
	if _, out, _ := ptcheck(t, "list"); !strings.Contains(out, "changes-announced") || !strings.Contains(out, "shadow") {
		t.Errorf("list lacks the rule or its backend: %s", out)
	}
	code, out, errs := ptcheck(t, "explore", "shadow", "--levels=2", "--depth=0", "--json")
	if code != exitHolds || !strings.Contains(out, `"changes-announced"`) {
		t.Errorf("explore shadow: exit %d, %s%s", code, out, errs)
	}
}

// TestHelpPages wants of every command a summary, an example, and flags that are
// described alike.
func TestHelpPages(t *testing.T) {
	n := 0
	eachCommand(rootOf(t), func(cmd *cobra.Command) {
		n++
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		code, out, errs := ptcheck(t, args...)
		if code != exitHolds || errs != "" || !strings.Contains(out, "Examples:\n  ptcheck ") || !strings.Contains(out, "Usage:\n  ptcheck") {
			t.Errorf("%v: exit %d, %s%s", args, code, out, errs)
		}
		if strings.HasSuffix(cmd.Short, ".") || cmd.Short == "" {
			t.Errorf("%s: summary %q", cmd.Name(), cmd.Short)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") || f.Name != strings.ToLower(f.Name) || f.Shorthand != "" && f.Shorthand != "h" {
				t.Errorf("%s: flag --%s, -%s: %q", cmd.Name(), f.Name, f.Shorthand, f.Usage)
			}
		})
	})
	if n < 12 {
		t.Errorf("%d commands", n)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, errs := ptcheck(t, "completion", shell); code != exitHolds || !strings.Contains(out, "ptcheck") || errs != "" {
			t.Errorf("%s: exit %d, %d bytes, %s", shell, code, len(out), errs)
		}
	}
	for line, want := range map[string]string{
		"explore ":            "shadow\n",
		"explore --strategy ": "random\n",
		"explore --profile ":  "xen-4.17\n",
		"explain ":            "zap-complete\n",
		"mutants ":            "B08\n",
		"diff --ignore ":      "accessed\n",
		"list --progress ":    "never\n",
		"show ":               "pt\n",
		"boot ":               "json\n",
		"":                    "show\tStep through",
	} {
		args := append([]string{"__complete"}, strings.Fields(line)...)
		if code, out, _ := ptcheck(t, append(args, "")...); code != exitHolds || !strings.Contains(out, want) {
			t.Errorf("%q: exit %d, %q", line, code, out)
		}
	}
}

// TestManuals writes the pages twice, and looks for what would differ elsewhere.
func TestManuals(t *testing.T) {
	dirs := []string{filepath.Join(t.TempDir(), "a", "b"), t.TempDir()}
	for _, dir := range dirs {
		if code, _, errs := ptcheck(t, "man", dir); code != exitHolds {
			t.Fatal(errs)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	foreign := regexp.MustCompile(`\b19[67]\d\b|\b20[0-4][1-9]\b|Jan|` + regexp.QuoteMeta(here) + "|" + regexp.QuoteMeta(os.TempDir()))
	eachCommand(rootOf(t), func(cmd *cobra.Command) {
		if cmd.Name() == "help" {
			return
		}
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		page, err := os.ReadFile(filepath.Join(dirs[0], name))
		if err != nil {
			t.Error(err)
			return
		}
		again, err := os.ReadFile(filepath.Join(dirs[1], name))
		if err != nil || !bytes.Equal(page, again) {
			t.Errorf("%s differs from itself, %v", name, err)
		}
		for _, bad := range foreign.FindAll(page, -1) {
			t.Errorf("%s: %q", name, bad)
		}
		if !bytes.Contains(page, []byte(".SH EXAMPLE")) || !bytes.HasPrefix(page, []byte(".nh\n.TH \"PTCHECK")) {
			t.Errorf("%s: %.80q", name, page)
		}
	})
}

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26"}
	if got := versionText(info, true); got != "(devel), go1.26" {
		t.Error(got)
	}
	info.Main.Version = "v1.2.3"
	info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: "true"}}
	if got := versionText(info, true); got != "v1.2.3 (revision 0123456789ab, modified), go1.26" {
		t.Error(got)
	}
	if got := versionText(nil, false); got != "unknown" {
		t.Error(got)
	}
	info = &debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Path: "example.com/mine", Version: "v7.0.0"}, Deps: []*debug.Module{{Path: module, Version: "v1.2.3"}}}
	if got := versionText(info, true); got != "v1.2.3, go1.26" {
		t.Errorf("in a program of another module: %s", got)
	}
	if code, out, _ := ptcheck(t, "version"); code != exitHolds || !strings.HasPrefix(out, "ptcheck ") || !strings.Contains(out, "\n  GOOS           "+runtime.GOOS+"\n") {
		t.Errorf("exit %d, %q", code, out)
	}
	if code, out, _ := ptcheck(t, "--version"); code != exitHolds || !strings.HasPrefix(out, "ptcheck version ") || strings.Count(out, "\n") != 1 {
		t.Errorf("exit %d, %q", code, out)
	}
}

// TestPinned wants the program's hash besides a version that does not say which code it is.
func TestPinned(t *testing.T) {
	for version, want := range map[string]bool{
		"": false, "(devel)": false, "v1.2.4-0.20261126190055-90047a0aabbc+dirty": false, "v1.2.4-0.20261126190055-90047a0aabbc": true, "v1.2.3": true,
	} {
		info := &debug.BuildInfo{Main: debug.Module{Path: module, Version: version}, Deps: []*debug.Module{{Path: "a"}}}
		if pinned(info, true) != want {
			t.Errorf("%q: want %t", version, want)
		}
		info.Deps[0].Replace = &debug.Module{Path: "../a"}
		if pinned(info, true) {
			t.Errorf("%q: with a module replaced", version)
		}
	}
	if pinned(nil, false) {
		t.Error("nothing is known")
	}
	program, err := thisProgram()
	if err != nil || !strings.Contains(program, ", program ") {
		t.Errorf("of this test: %q, %v", program, err)
	}
}

// TestBootDies wants a kernel that dies before a system starts to be a finding, not
// a fault of the input.
func TestBootDies(t *testing.T) {
	var errs strings.Builder
	err := fmt.Errorf("life: %w", &systems.BootDies{Start: "somewhere", Crash: model.Crash{Kind: model.CrashDeadlock}})
	if code := exitCode(err, &errs); code != exitViolated || !strings.Contains(errs.String(), "the boot dies: deadlock") {
		t.Errorf("exit %d, %q", code, errs.String())
	}
}

// TestCommand says how a program is called again: one of another module by its package.
func TestCommand(t *testing.T) {
	for path, want := range map[string]string{
		module + "/cmd/ptcheck":          "ptcheck",
		module + "/cmd/ptcheck/cli.test": "ptcheck",
		"command-line-arguments":         "ptcheck",
		"example.com/mine/cmd/mine":      "go run example.com/mine/cmd/mine",
	} {
		if got := commandOf(&debug.BuildInfo{Path: path}, true); got != want {
			t.Errorf("%s is called by %q", path, got)
		}
	}
	if got := commandOf(nil, false); got != "ptcheck" {
		t.Error(got)
	}
}

// rootOf is the command line over all systems.
func rootOf(t *testing.T) *cobra.Command {
	t.Helper()
	set, err := mutants.Set()
	if err != nil {
		t.Fatal(err)
	}
	return (&program{set: set}).newRoot(io.Discard, io.Discard)
}
