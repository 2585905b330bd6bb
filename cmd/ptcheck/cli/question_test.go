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

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/model/explore"
)

// settingsOf returns settings of a flag that mean different things, by what kind of flag it is.
func settingsOf(t *testing.T, flag *pflag.Flag) []string {
	t.Helper()
	switch kind := flag.Value.Type(); kind {
	case "bool":
		return []string{"true", "false"}
	case "int":
		return []string{"0", "1", "2", "10"}
	case "intSlice":
		return []string{"2", "3", "2,3", "23"}
	case "string":
		return []string{"", "a", "b", "auto"}
	case "stringSlice":
		return []string{"", "a", "b", "a,b", `"a,b"`}
	default:
		t.Fatalf("--%s: what are settings of a flag of kind %s?", flag.Name, kind)
		return nil
	}
}

// askedBy returns the question of explore with a flag set.
func askedBy(t *testing.T, name, value string) []explore.Setting {
	t.Helper()
	var f exploreFlags
	f.systemFlags(pflag.NewFlagSet("", pflag.ContinueOnError))
	if err := f.asked.Set(name, value); err != nil {
		t.Fatal(err)
	}
	return f.question(&target{name: "s"})
}

// tiny returns the factory of a small search.
func tiny(t *testing.T) explore.Factory {
	t.Helper()
	var f exploreFlags
	f.systemFlags(pflag.NewFlagSet("", pflag.ContinueOnError))
	all, err := f.targets(&cobra.Command{}, "pvdp", nil)
	if err != nil {
		t.Fatal(err)
	}
	return all[0].factory
}

// TestCheckpointQuestion makes a checkpoint with each setting of each flag that says what is searched, and resumes it
// with every other: that is refused by a sentence that names both. A new flag is among them by itself.
func TestCheckpointQuestion(t *testing.T) {
	var f exploreFlags
	f.systemFlags(pflag.NewFlagSet("", pflag.ContinueOnError))
	factory, pairs := tiny(t), 0
	f.asked.VisitAll(func(flag *pflag.Flag) {
		for _, was := range settingsOf(t, flag) {
			opt := explore.Options{Depth: 1, Workers: 1, Program: "p", Checkpoint: t.TempDir(), Question: askedBy(t, flag.Name, was)}
			if _, err := explore.Run(context.Background(), factory, opt); err != nil {
				t.Fatal(err)
			}
			opt.Resume = true
			for _, is := range settingsOf(t, flag) {
				opt.Question = askedBy(t, flag.Name, is)
				_, err := explore.Run(context.Background(), factory, opt)
				if was == is {
					if err != nil {
						t.Errorf("--%s=%s: the same again: %v", flag.Name, is, err)
					}
					continue
				}
				pairs++
				if err == nil || !strings.Contains(err.Error(), "the checkpoint was made for --"+flag.Name+"=") ||
					!strings.Contains(err.Error(), ", this search has --"+flag.Name+"=") {
					t.Errorf("--%s: made with %q, resumed with %q: %v", flag.Name, was, is, err)
				}
			}
		}
	})
	t.Logf("%d pairs of settings", pairs)
}

// TestFlagsAreSorted wants every flag of explore in one of three classes; only those of the first are part of the
// question.
func TestFlagsAreSorted(t *testing.T) {
	var f exploreFlags
	search, output := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	f.systemFlags(pflag.NewFlagSet("", pflag.ContinueOnError))
	f.searchFlags(search)
	f.outputFlags(output)
	newExplore().Flags().VisitAll(func(flag *pflag.Flag) {
		if f.asked.Lookup(flag.Name) == nil && search.Lookup(flag.Name) == nil && output.Lookup(flag.Name) == nil {
			t.Errorf("--%s: does it say what is searched, how, or what is shown?", flag.Name)
		}
	})
}

// TestResumeOther resumes searches of life by others, as a user would.
func TestResumeOther(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "progress")
	args := []string{"explore", "life-native", "--save="}
	if code, out, errs := ptcheck(t, append(args, "--themes=fork", "--depth=2", "--checkpoint="+dir)...); code != exitHolds {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	for extra, want := range map[string]string{
		"--themes=vmalloc":               "the checkpoint was made for --themes=fork, this search has --themes=vmalloc",
		"":                               "made for --themes=fork, this search has --themes=",
		"--themes=fork --failures=false": "made for --failures=true, this search has --failures=false",
		"--themes=fork --all":            "made for find all=false, this search has find all=true",
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
