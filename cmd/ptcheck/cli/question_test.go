package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// valuesOf are values of a setting that mean different things.
func valuesOf(t *testing.T, s systems.Setting) []string {
	t.Helper()
	var out []string
	try := []string{"true", "false", "2", "3", "4", "2,3", "23", "P", "PW", "P,PW"}
	for i, w := range s.Words {
		try = append(try, w)
		if i > 0 {
			try = append(try, s.Words[i-1]+","+w)
		}
	}
	for _, text := range try {
		if usual, err := s.Check(text); err == nil && !slices.Contains(out, usual) {
			out = append(out, usual)
		}
	}
	if len(out) < 2 {
		t.Fatalf("--%s: only the values %q", s.Name, out)
	}
	return out[:min(len(out), 4)]
}

// TestCheckpointQuestion makes a checkpoint with some values of each setting of each
// system, and resumes it with every other: that is refused by a sentence that names both.
// A new setting is among them by itself.
func TestCheckpointQuestion(t *testing.T) {
	list, err := pvdp.Reference().Searches(systems.Values{"frames": "2"}, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	pairs := 0
	for _, x := range longtest.Part(t, all.Systems(), 3) {
		for _, s := range x.Settings() {
			if s.Manner {
				continue
			}
			pairs += questionsDiffer(t, x, s, list[0])
		}
	}
	t.Logf("%d pairs of values", pairs)
}

// questionsDiffer tries pairs of some values of a setting, in the long form all; any small search serves.
func questionsDiffer(t *testing.T, x systems.System, s systems.Setting, small *systems.Search) (pairs int) {
	t.Helper()
	values := valuesOf(t, s)
	for i, was := range values {
		opt := explore.Options{Depth: 1, Workers: 1, Program: "p", Checkpoint: t.TempDir(), Question: systems.Question(x, systems.Values{s.Name: was}, small)}
		if _, err := explore.Run(context.Background(), small.Model, opt); err != nil {
			t.Fatal(err)
		}
		opt.Resume = true
		for j, is := range values {
			if !longtest.On() && j != i && j != (i+1)%len(values) {
				continue
			}
			opt.Question = systems.Question(x, systems.Values{s.Name: is}, small)
			_, err := explore.Run(context.Background(), small.Model, opt)
			if was == is {
				if err != nil {
					t.Errorf("--%s=%s: the same again: %v", s.Name, is, err)
				}
				continue
			}
			pairs++
			if err == nil || !strings.Contains(err.Error(), "the checkpoint was made for --"+s.Name+"="+was) ||
				!strings.Contains(err.Error(), ", this search has --"+s.Name+"="+is) {
				t.Errorf("%s: --%s: made with %q, resumed with %q: %v", x.About().Name, s.Name, was, is, err)
			}
		}
	}
	return pairs
}

// TestFlagsAreSorted wants every flag of explore in one of three classes; only those of the first are part of the
// question.
func TestFlagsAreSorted(t *testing.T) {
	set, err := mutants.Set()
	if err != nil {
		t.Fatal(err)
	}
	var f exploreFlags
	search, output := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	f.searchFlags(search)
	f.outputFlags(output)
	asked := newSettingFlags(set.Searched()).flags
	(&program{set: set}).newExplore().Flags().VisitAll(func(flag *pflag.Flag) {
		is := slices.ContainsFunc(asked, func(f *settingFlag) bool { return f.setting.Name == flag.Name })
		if !is && search.Lookup(flag.Name) == nil && output.Lookup(flag.Name) == nil {
			t.Errorf("--%s: does it say what is searched, how, or what is shown?", flag.Name)
		}
	})
}

// TestResumeOther resumes searches of life by others, as a user would.
func TestResumeOther(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "progress")
	args := []string{"explore", "life-native", "--save=", "--combine=1"}
	if code, out, errs := ptcheck(t, append(args, "--themes=fork", "--depth=2", "--checkpoint="+dir)...); code != exitHolds {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	for extra, want := range map[string]string{
		"--themes=vmalloc":         "the checkpoint was made for --themes=fork, this search has --themes=vmalloc",
		"":                         "made for --themes=fork, this search has --themes=",
		"--themes=fork --levels=2": "made for --levels=, this search has --levels=2",
		"--themes=fork --all":      "made for find all=false, this search has find all=true",
	} {
		code, out, errs := ptcheck(t, slices.Concat(args, strings.Fields(extra), []string{"--depth=3", "--resume=" + dir})...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit %d, %s%s", extra, code, out, errs)
		}
	}
	code, out, errs := ptcheck(t, append(args, "--themes=fork", "--depth=3", "--workers=1", "--resume="+dir)...)
	_, fresh, _ := ptcheck(t, append(args, "--themes=fork", "--depth=3")...)
	if first, _, _ := strings.Cut(fresh, "\n"); code != exitHolds || !strings.HasPrefix(out, first+"\n") {
		t.Errorf("exit %d, %s%swant %s", code, out, errs, first)
	}
}

// TestDiskFull lets a search run against a limit of the size of files, and wants its verdict so far.
func TestDiskFull(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("the limit would meet what measures coverage, too")
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell to set a limit")
	}
	for flag, more := range map[string]string{"--disk": "--max-memory=16", "--checkpoint": "--checkpoint-every=1ms"} {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), shell, "-c", `ulimit -f 100; exec "$0" "$@"`,
			os.Args[0], "explore", "pvdp", "--frames=4", "--depth=0", "--save=", flag+"="+dir, more)
		cmd.Env = append(os.Environ(), asMain+"=1")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
			t.Errorf("%s: %v", flag, err)
		}
		if !strings.HasPrefix(out.String(), "pvdp: stopped by error at depth ") || !strings.Contains(out.String(), "nothing found so far") {
			t.Errorf("%s: no verdict: %s", flag, out.String())
		}
		if e := errs.String(); !strings.HasPrefix(e, "ptcheck: explore: "+flag[2:]+": write "+dir) || strings.Count(e, "\n") != 1 {
			t.Errorf("%s: %s", flag, e)
		}
	}
}
