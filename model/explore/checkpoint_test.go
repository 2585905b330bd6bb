package explore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// again runs a search that is stopped after ever more states or by other limits, and resumed, until it ends by
// itself.
func again(t *testing.T, f Factory, opt Options, step uint64) (r Result, times int) {
	t.Helper()
	for opt.MaxStates = step; ; opt.MaxStates += step {
		r = explored(t, f, opt)
		opt.Resume = true
		times++
		if r.Stopped != StopStates {
			return r, times
		}
	}
}

func TestResume(t *testing.T) {
	for seed := range uint64(16) {
		g := newGraph(seed, 900, []int{0, 2}[seed%2], []int{0, 2, 16, 33}[seed%4])
		for _, opt := range []Options{{}, {FindAll: true}, {FindAll: true, Depth: 7}} {
			want := plain(explored(t, g.factory(), opt))
			opt.Checkpoint, opt.CheckpointEvery, opt.Workers = t.TempDir(), time.Nanosecond, 1+int(seed%3)
			got, times := again(t, g.factory(), opt, 150)
			if got = plain(got); !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d, %d times:\n got %+v\nwant %+v", seed, times, got, want)
			}
			if got.Stopped == StopFinding {
				continue
			}
			opt.Resume, opt.MaxStates = true, 0
			if got := plain(explored(t, g.factory(), opt)); !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d, resumed after the end:\n got %+v\nwant %+v", seed, got, want)
			}
		}
	}
}

// TestResumeDeeper extends a search to depth 3 to one without limit.
func TestResumeDeeper(t *testing.T) {
	f := newSymmetric(4, 2, 1, 0)
	opt := Options{Checkpoint: t.TempDir(), Depth: 3}
	if r := explored(t, f, opt); r.Stopped != StopDepth || r.Diameter != 3 {
		t.Errorf("%+v", r)
	}
	opt.Resume, opt.Depth = true, 0
	if r := explored(t, f, opt); r.States != 10_710 || r.Transitions != 202_476 || !r.Complete {
		t.Errorf("%+v", r)
	}
	opt.Depth = 3
	if _, err := Run(context.Background(), f, opt); err == nil || !strings.Contains(err.Error(), "has gone beyond depth 3") {
		t.Error(err)
	}
}

func TestResumeRefused(t *testing.T) {
	dir := t.TempDir()
	base := Options{Checkpoint: dir, System: "grid", Scope: "9x9", Rules: "v1", MaxStates: 50}
	explored(t, newGrid(9), base)
	base.MaxStates = 0
	try := func(want string, f Factory, change func(*Options)) {
		t.Helper()
		opt := base
		opt.Resume = true
		change(&opt)
		if _, err := Run(context.Background(), f, opt); err == nil || !strings.HasPrefix(err.Error(), "explore: ") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	same := func(*Options) {}
	try(`system: the checkpoint has "grid", this run has "maze"`, newGrid(9), func(o *Options) { o.System = "maze" })
	try(`scope: the checkpoint has "9x9"`, newGrid(9), func(o *Options) { o.Scope = "8x8" })
	try(`rules: the checkpoint has "v1"`, newGrid(9), func(o *Options) { o.Rules = "v2" })
	try(`find all: the checkpoint has "false"`, newGrid(9), func(o *Options) { o.FindAll = true })
	try(`holds one already`, newGrid(9), func(o *Options) { o.Resume = false })
	try(`state size: the checkpoint has "0", this run has "6"`, newPuzzle, same)
	try(`there is no checkpoint in`, newGrid(9), func(o *Options) { o.Checkpoint = t.TempDir() })
	try(`limited to 10`, newGrid(9), func(o *Options) { o.MaxStates = 10 })
	try(`initial states are not those`, func() Model { return shifted{&grid{n: 9}} }, same)

	damage := func(name string, change func([]byte) []byte, want string) {
		t.Helper()
		path := filepath.Join(dir, name)
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(append([]byte(nil), old...)), 0o666); err != nil {
			t.Fatal(err)
		}
		try(want, newGrid(9), same)
		if err := os.WriteFile(path, old, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	damage("segment-000001", flip, "segment-000001 is damaged: wrong checksum")
	damage("segment-000001", func(b []byte) []byte { return b[:len(b)-1] }, "segment-000001 is damaged: it has")
	damage(manifestName, flip, "checkpoint.json is damaged")
	damage(manifestName, func(b []byte) []byte { return b[:20] }, "checkpoint.json is damaged")
	base.Resume = true
	if r := explored(t, newGrid(9), base); r.States != 81 {
		t.Errorf("undamaged: %+v", r)
	}
}

// shifted is a grid that begins elsewhere.
type shifted struct{ *grid }

func (s shifted) Init(int) { s.x, s.y, s.wasX, s.wasY = 1, 0, 1, 0 }

func TestCheckpointInUse(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), newGrid(3), Options{Checkpoint: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
	unlock()
	explored(t, newGrid(3), Options{Checkpoint: dir})
}

// TestKilled kills a search at odd moments, and resumes it, until it ends.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("EXPLORE_TEST_CHECKPOINT"); dir != "" {
		_, err := os.Stat(filepath.Join(dir, manifestName))
		r := explored(t, newPVDP(4, 3, 1, 0, false), Options{
			Checkpoint: dir, CheckpointEvery: time.Millisecond, Resume: err == nil,
		})
		fmt.Println("result", r.States, r.Transitions, r.Diameter, r.Complete, r.Counters)
		return
	}
	if testing.Short() {
		t.Skip("slow")
	}
	want := explored(t, newPVDP(4, 3, 1, 0, false), Options{})
	dir := t.TempDir()
	killed := 0
	for wait := 30 * time.Millisecond; ; wait += 17 * time.Millisecond {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "EXPLORE_TEST_CHECKPOINT="+dir)
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "killed") {
				t.Fatalf("%v\n%s", err, out)
			}
			killed++
			continue
		}
		line := fmt.Sprintln("result", want.States, want.Transitions, want.Diameter, true, want.Counters)
		if !strings.HasPrefix(string(out), line) {
			t.Errorf("killed %d times: got %s want %s", killed, out, line)
		}
		t.Logf("killed %d times", killed)
		return
	}
}
