package explore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// saving returns the options with checkpoints in a directory.
func saving(opt Options, dir string) Options {
	opt.Checkpoint, opt.Program, opt.Question = dir, "v1", []Setting{{"system", "toy"}, {"scope", "9x9"}}
	return opt
}

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
	seeds := uint64(6) // each kind of graph, and each number of workers
	if longtest.On() {
		seeds = 16
	}
	for seed := range seeds {
		g := newGraph(seed, 900, []int{0, 2}[seed%2], []int{0, 2, 16, 33}[seed%4])
		for _, opt := range []Options{{}, {FindAll: true}, {FindAll: true, Depth: 7}} {
			want := plain(explored(t, g.factory(), opt))
			opt.CheckpointEvery, opt.Workers = time.Nanosecond, 1+int(seed%3)
			opt = saving(opt, t.TempDir())
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
	opt := saving(Options{Depth: 3}, t.TempDir())
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
	base := saving(Options{MaxStates: 50}, dir)
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
	asks := func(q ...Setting) func(*Options) { return func(o *Options) { o.Question = q } }
	toy, scope := base.Question[0], base.Question[1]
	try(`resume: the checkpoint was made for system=toy, this search has system=maze`, newGrid(9), asks(Setting{"system", "maze"}, scope))
	try(`resume: the checkpoint was made for scope=9x9, this search has scope="9\x1bx"`, newGrid(9), asks(toy, Setting{"scope", "9\x1bx"}))
	try(`resume: the checkpoint was made by a search without depth=3`, newGrid(9), asks(toy, scope, Setting{"depth", "3"}))
	try(`resume: the checkpoint was made for scope=9x9, this search has no such setting`, newGrid(9), asks(toy))
	try(`resume: the checkpoint was made by another build`, newGrid(9), func(o *Options) { o.Program = "v2" })
	try(`resume: the checkpoint was made by another build`, newGrid(9), func(o *Options) { o.Program = "" })
	try(`made for find all=false, this search has find all=true`, newGrid(9), func(o *Options) { o.FindAll = true })
	try(`question: a checkpoint needs one`, newGrid(9), asks())
	try(`question: setting "" has no name`, newGrid(9), asks(Setting{}))
	try(`question: setting "symmetry" has no name, or that of another`, newGrid(9), asks(Setting{Name: "symmetry"}))
	try(`holds one already`, newGrid(9), func(o *Options) { o.Resume = false })
	try(`made for state size=0, this search has state size=6`, newPuzzle, same)
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
	if _, err := Run(context.Background(), newGrid(3), saving(Options{}, dir)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
	unlock()
	explored(t, newGrid(3), saving(Options{}, dir))
}

// TestKilled kills a search many times at odd moments, and goes on from its checkpoint; when one has ended, another
// begins.
func TestKilled(t *testing.T) {
	f := newPVDP(4, 3, 1, 0, false)
	if dir := os.Getenv("EXPLORE_TEST_CHECKPOINT"); dir != "" {
		fmt.Println("searching")
		_, err := os.Stat(filepath.Join(dir, manifestName))
		r := explored(t, f, saving(Options{CheckpointEvery: time.Millisecond, Resume: err == nil}, dir))
		fmt.Println("result", plain(r))
		return
	}
	kills := 20
	switch {
	case testing.Short():
		kills = 3
	case !longtest.On():
		kills = 7
	}
	want := fmt.Sprintln("result", plain(explored(t, f, Options{})))
	dir, whole := t.TempDir(), 0
	r := rand.New(rand.NewPCG(1, 9))
	for killed := 0; killed < kills || whole == 0; {
		cmd, out := child(t, "EXPLORE_TEST_CHECKPOINT", dir)
		wait := time.Duration(r.IntN(150)) * time.Millisecond
		if killed >= kills {
			wait = time.Minute // it is to end by itself
		}
		ended := make(chan string)
		go func() {
			line, _ := out.ReadString('\n') // "" if it is killed
			ended <- line
		}()
		var line string
		select {
		case <-time.After(wait):
			kill(t, cmd)
			line = <-ended
		case line = <-ended:
			if err := cmd.Wait(); err != nil || line == "" {
				t.Fatalf("after %d kills: %v, %s", killed, err, line)
			}
		}
		switch line {
		case "":
			killed++
		case want:
			dir, whole = t.TempDir(), whole+1
		default:
			t.Fatalf("after %d kills: got %swant %s", killed, line, want)
		}
	}
	t.Logf("killed %d times, %d searches ended", kills, whole)
}
