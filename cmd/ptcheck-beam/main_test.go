package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/cmd/ptcheck/cli"
	"github.com/ptcheck/ptcheck/systems/all"
)

// role is the variable that makes a program of the test's executable.
const role = "PTCHECK_BEAM_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "beam":
		main()
	case "ptcheck":
		os.Exit(cli.Main(all.Systems()...))
	}
	os.Exit(m.Run())
}

// command is one of the programs.
func command(program string, args ...string) (cmd *exec.Cmd, out, errs *bytes.Buffer) {
	cmd = exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), role+"="+program)
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, errs
	return cmd, out, errs
}

// times are the parts of a verdict that tell of time and memory.
var times = regexp.MustCompile(`(?m)^  [0-9.]+ s, .*\n`)

// verdict runs one of the programs: exit code, standard output without times, standard error.
func verdict(program string, args ...string) (code int, out, errs string) {
	cmd, o, e := command(program, args...)
	_ = cmd.Run() // its exit code says it
	return cmd.ProcessState.ExitCode(), times.ReplaceAllString(o.String(), ""), e.String()
}

// TestVerdictIsExplores compares what both programs print, and the scenarios they save.
func TestVerdictIsExplores(t *testing.T) {
	for _, args := range [][]string{
		{"explore", "native", "--depth=3", "--strict"}, {"explore", "xen", "--max-states=50"},
		{"explore", "adversary", "--frames=4", "--levels=2", "--all", "--depth=4"}, {"explore", "adversary", "--frames=5", "--depth=4"},
		{"explore", "nosuch"}, {"explore", "native", "--frames=3"}, {"explore", "native", "--depth=-1"},
	} {
		a, b := t.TempDir(), t.TempDir()
		plain := append([]string{"--save=" + a}, args...)
		beam := append([]string{"--save=" + b, "--shards=3", "--workdir=" + t.TempDir()}, args...)
		code, out, errs := verdict("ptcheck", plain...)
		code2, out2, errs2 := verdict("beam", beam...)
		if code != code2 || out != strings.ReplaceAll(out2, b, a) || errs != errs2 {
			t.Errorf("%v: exit %d\n%s%s\nwant %d\n%s%s", args, code2, out2, errs2, code, out, errs)
		}
		if g, w := contents(t, b), contents(t, a); g != w {
			t.Errorf("%v: saved\n%s\nwant\n%s", args, g, w)
		}
	}
}

// contents are the files of a folder.
func contents(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, x := range list {
		text, err := os.ReadFile(filepath.Join(dir, x.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s:\n%s", x.Name(), text)
	}
	return out.String()
}

// TestRefusals holds that what cannot be had is refused by one line.
func TestRefusals(t *testing.T) {
	for args, want := range map[string]string{
		"native":                                   "--workdir is needed",
		"native --workdir=w --shards=0":            "--shards 0: want 1 to",
		"native --workdir=w --runner=nosuch":       `--runner "nosuch": want prism, flink`,
		"native --workdir=w --strategy=dfs":        "only bfs can be spread",
		"native --workdir=w --store=hash64":        "states are kept exactly",
		"native --workdir=w --timeout=1s":          "--timeout is not for searches on Beam",
		"native --workdir=w --checkpoint=c":        "goes on by itself",
		"native xen --workdir=w":                   "this program goes with one system",
		"native --workdir=/dev/null/w":             "not a directory",
		"native --workdir=nosuch://bucket/w":       `"nosuch" not registered`,
		"native --workdir=w --mutant=nosuch":       `--mutant: no mutant`,
		"native --workdir=w --runner=flink --save": "flag needs an argument",
	} {
		cmd, out, errs := command("beam", append([]string{"explore"}, strings.Fields(args)...)...)
		cmd.Dir = t.TempDir()
		_ = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != 2 || out.Len() > 0 || !strings.Contains(errs.String(), want) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: exit %d, stdout %q, stderr %q, want %q", args, code, out, errs, want)
		}
	}
}

// TestKilled kills the program, workers and all, in the middle of every level, and starts it
// again, until the search is over.
func TestKilled(t *testing.T) {
	kills := 0
	for _, args := range [][]string{
		{"explore", "native", "--depth=7", "--save="}, {"explore", "pvdp", "--frames=3", "--levels=2", "--slots=1", "--depth=0", "--save="},
	} {
		_, want, _ := verdict("ptcheck", args...)
		dir := t.TempDir()
		args = append(args, "--shards=3", "--workdir="+dir)
		for {
			done, got, errs := killed(t, dir, args)
			if done {
				if got != want {
					t.Errorf("%v: got\n%s%s\nwant\n%s", args, got, errs, want)
				}
				break
			}
			kills++
		}
	}
	t.Logf("killed %d times", kills)
	if kills < 10 {
		t.Errorf("killed %d times only", kills)
	}
}

// killed runs the program until, in its second level, a shard has written a file. It says true
// when the program has come to its end instead.
func killed(t *testing.T, dir string, args []string) (done bool, out, errs string) {
	t.Helper()
	level := -1
	if old, _ := filepath.Glob(filepath.Join(dir, "manifest-*")); len(old) > 0 {
		if _, err := fmt.Sscanf(filepath.Base(old[len(old)-1]), "manifest-%06d", &level); err != nil {
			t.Fatal(err)
		}
	}
	cmd, o, e := command("beam", args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { _ = cmd.Wait(); close(over) }()
	for {
		select {
		case <-over:
			return true, times.ReplaceAllString(o.String(), ""), e.String()
		case <-time.After(2 * time.Millisecond):
		}
		if new, _ := filepath.Glob(filepath.Join(dir, fmt.Sprintf("run-%06d-*", level+2))); len(new) > 0 {
			_ = cmd.Process.Kill()
			<-over
			return false, "", ""
		}
	}
}

// TestProcesses has the runner and its workers be processes of their own.
func TestProcesses(t *testing.T) {
	jobs, pool := freePort(t), freePort(t)
	for _, args := range [][]string{{"prism", "--port=" + jobs}, {"workers", "--port=" + pool}} {
		cmd, _, _ := command("beam", args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}()
	}
	binary := filepath.Join(t.TempDir(), "none") // workers of a pool are there already
	if err := os.WriteFile(binary, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"explore", "xen", "--depth=4", "--save="}
	_, want, _ := verdict("ptcheck", args...)
	code, got, errs := verdict("beam", append(args, "--shards=3", "--workdir="+t.TempDir(), "--endpoint=localhost:"+jobs,
		"--environment_type=external", "--environment_config=localhost:"+pool, "--worker_binary="+binary)...)
	if code != 0 || got != want {
		t.Errorf("exit %d\n%s%s\nwant\n%s", code, got, errs, want)
	}
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
