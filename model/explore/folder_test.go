package explore

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// child starts the present test once more, in a process of its own that is told what to do by an environment
// variable, and waits until that has printed a line.
func child(t *testing.T, env, value string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), env+"="+value)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	if line, err := out.ReadString('\n'); err != nil || line != "searching\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd, out
}

// kill ends a process as nobody can prepare for.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it says that it was killed
}

// folders returns the folders of searches in a directory.
func folders(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, folderPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestReap searches in the directory of a search in another process: while that lives, its folder is left alone,
// and once it has been killed, the next search removes it.
func TestReap(t *testing.T) {
	if dir := os.Getenv("EXPLORE_TEST_DISK"); dir != "" {
		told := false
		explored(t, func() Model { return slow{&grid{n: 1000}} }, Options{
			Disk: dir, tight: true, Workers: 1, ProgressEvery: time.Nanosecond, Progress: func(Progress) {
				if !told {
					fmt.Println("searching")
					told = true
				}
			},
		})
		return
	}
	dir := t.TempDir()
	var living []*exec.Cmd
	for range 3 {
		cmd, _ := child(t, "EXPLORE_TEST_DISK", dir)
		living = append(living, cmd)
	}
	if n := len(folders(t, dir)); n != 3 {
		t.Fatalf("%d folders of three searches", n)
	}
	for len(living) > 0 {
		explored(t, newGrid(9), Options{Disk: dir})
		if left := folders(t, dir); len(left) != len(living) {
			t.Errorf("%d searches live, there are %v", len(living), left)
		}
		for _, f := range folders(t, dir) {
			if all, err := os.ReadDir(f); err != nil || len(all) < 3 { // lock, states, at least one run
				t.Errorf("%s of a living search has %v, %v", f, all, err)
			}
		}
		kill(t, living[0])
		living = living[1:]
	}
	explored(t, newGrid(9), Options{Disk: dir})
	empty(t, dir)
}

// TestReapSpares leaves alone what is not a search's, and what cannot be told from a living one.
func TestReapSpares(t *testing.T) {
	dir := t.TempDir()
	put := func(names ...string) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("notes/lock", "explore-file", "explore-mine/lock", "explore-mine/run-000001", "explore-mine/thesis.txt",
		"explore-unlocked/states", "explore-dead/lock", "explore-dead/states", "explore-dead/run-000003")
	if err := os.Mkdir(filepath.Join(dir, "explore-begun"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "notes"), filepath.Join(dir, "explore-link")); err != nil {
		t.Fatal(err)
	}
	explored(t, newGrid(9), Options{Disk: dir})
	var left []string
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left = append(left, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := "explore-file explore-link explore-mine/thesis.txt explore-unlocked/states notes/lock"
	if got := strings.Join(left, " "); got != want {
		t.Errorf("left: %s\nwant: %s", got, want)
	}
	for _, gone := range []string{"explore-begun", "explore-dead"} {
		if _, err := os.Stat(filepath.Join(dir, gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
}

// TestReapRace starts many searches at the same time, each of which looks for dead ones.
func TestReapRace(t *testing.T) {
	dir := t.TempDir()
	ended := make(chan error)
	const crowd = 5
	turns := 4
	if longtest.On() {
		turns = 10
	}
	for range crowd {
		go func() {
			for range turns {
				r, err := Run(context.Background(), newGrid(6), Options{Disk: dir, Workers: 1})
				if err != nil || r.States != 36 {
					t.Errorf("%d states, %v", r.States, err)
				}
			}
			ended <- nil
		}()
	}
	for range crowd {
		<-ended
	}
	empty(t, dir)
}
