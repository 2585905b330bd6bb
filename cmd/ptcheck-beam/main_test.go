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
		"native --workdir=w --runner-log=loud":     `--runner-log "loud": want off, error`,
		"native --workdir=w --strategy=dfs":        "only bfs can be spread",
		"native --workdir=w --store=hash64":        "states are kept exactly",
		"native --workdir=w --timeout=1s":          "--timeout is not for searches on Beam",
		"native --workdir=w --checkpoint=c":        "goes on by itself",
		"native xen --workdir=w":                   "this program goes with one system",
		"native --workdir=a[b]":                    "--workdir a[b]: *, ? and [ cannot be",
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
	for _, args := range searches() {
		kills += killedUntilDone(t, args, nil)
	}
	if kills < 10 {
		t.Errorf("killed %d times only", kills)
	}
}

// TestWorkersKilled kills the workers alone in the middle of every level. The runner gives a level
// up then, the driver says so, and goes on with new workers where it is started again.
func TestWorkersKilled(t *testing.T) {
	kills := 0
	for _, args := range searches() {
		kills += killedUntilDone(t, args, startCluster(t))
	}
	if kills < 10 {
		t.Errorf("killed %d times only", kills)
	}
}

// searches are small ones of several levels.
func searches() [][]string {
	return [][]string{
		{"explore", "native", "--depth=7", "--save="},
		{"explore", "pvdp", "--frames=3", "--levels=2", "--slots=1", "--depth=0", "--save="},
	}
}

// killedUntilDone searches, and kills in the middle of every level, until the verdict is there,
// which it compares. It says how often it has killed. On a cluster it kills workers, else the
// program.
func killedUntilDone(t *testing.T, args []string, c *cluster) (kills int) {
	t.Helper()
	_, want, _ := verdict("ptcheck", args...)
	dir := t.TempDir()
	args = append(args, "--shards=3", "--workdir="+dir)
	if c != nil {
		args = append(args, c.flags...)
	}
	for {
		cmd, out, errs := command("beam", args...)
		level := newestLevel(t, dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		go func() { _ = cmd.Wait(); close(over) }()
		victim := cmd.Process
		if c != nil {
			victim = c.workers.Process
		}
		// In the second level from here, so that one is finished between two kills. Who loses his
		// workers at the very end may have no need of them.
		killed := killIn(victim, dir, level+2, over)
		if killed && c != nil && stuck(cmd, over) {
			kills++
			t.Log("the runner has not noticed the death of its workers")
			c = startCluster(t)
			args = append(args[:len(args)-len(c.flags)], c.flags...)
			continue
		}
		<-over
		if !killed || cmd.ProcessState.ExitCode() == 0 {
			if got := times.ReplaceAllString(out.String(), ""); got != want {
				t.Errorf("%v: got\n%s%s\nwant\n%s", args, got, errs, want)
			}
			return kills
		}
		kills++
		if c != nil {
			if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(errs.String(), "the same command begins it again") || strings.Count(errs.String(), "\n") != 1 {
				t.Errorf("%v: workers were killed: exit %d, %s", args, code, errs)
			}
			c.startWorkers(t)
		}
	}
}

// stuck reports whether a driver does not end though its workers are dead, and ends it: Prism does
// not notice when these had nothing to do at that moment.
func stuck(driver *exec.Cmd, over <-chan struct{}) bool {
	select {
	case <-over:
		return false
	case <-time.After(20 * time.Second):
		_ = driver.Process.Kill()
		<-over
		return true
	}
}

// newestLevel is the level of the newest manifest in a folder, -1 if there is none.
func newestLevel(t *testing.T, dir string) int {
	t.Helper()
	level := -1
	if old, _ := filepath.Glob(filepath.Join(dir, "manifest-*")); len(old) > 0 {
		if _, err := fmt.Sscanf(filepath.Base(old[len(old)-1]), "manifest-%06d", &level); err != nil {
			t.Fatal(err)
		}
	}
	return level
}

// killIn kills a process when a shard has written a file of a level. It says false if the search
// is over before.
func killIn(victim *os.Process, dir string, level int, over <-chan struct{}) bool {
	for {
		select {
		case <-over:
			return false
		case <-time.After(2 * time.Millisecond):
		}
		if files, _ := filepath.Glob(filepath.Join(dir, fmt.Sprintf("run-%06d-*", level))); len(files) > 0 {
			_ = victim.Kill()
			return true
		}
	}
}

// cluster is a runner and its workers, each a process of its own.
type cluster struct {
	flags   []string // by which explore finds them
	pool    string   // the workers' port
	workers *exec.Cmd
}

// startCluster starts a runner and its workers, until the test is over.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	jobs := freePort(t)
	c := &cluster{pool: freePort(t)}
	binary := filepath.Join(t.TempDir(), "none") // workers of a pool are there already
	if err := os.WriteFile(binary, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.flags = []string{
		"--endpoint=localhost:" + jobs, "--environment_type=external", "--environment_config=localhost:" + c.pool,
		"--worker_binary=" + binary,
	}
	start(t, "prism", "--port="+jobs)
	c.startWorkers(t)
	return c
}

// startWorkers starts workers, where none are any more.
func (c *cluster) startWorkers(t *testing.T) {
	t.Helper()
	if c.workers != nil {
		_ = c.workers.Wait()
	}
	c.workers = start(t, "workers", "--port="+c.pool)
	for range 1000 { // Prism dies when there is nobody
		if conn, err := net.Dial("tcp", "localhost:"+c.pool); err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the workers do not listen")
}

// start starts a server, until the test is over.
func start(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd, _, _ := command("beam", args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// TestProcesses has the runner and its workers be processes of their own.
func TestProcesses(t *testing.T) {
	args := []string{"explore", "xen", "--depth=4", "--save="}
	_, want, _ := verdict("ptcheck", args...)
	args = append(args, "--shards=3", "--workdir="+t.TempDir())
	code, got, errs := verdict("beam", append(args, startCluster(t).flags...)...)
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
