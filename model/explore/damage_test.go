package explore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// damages is how many damages a test does. EXPLORE_DAMAGES asks for more, such as 500.
func damages(t *testing.T) int {
	t.Helper()
	if n := os.Getenv("EXPLORE_DAMAGES"); n != "" {
		k, err := strconv.Atoi(n)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if longtest.On() {
		return 200
	}
	return 40
}

// damage is one way of spoiling the content of a file. Others are contents of other files, at other times.
type damage struct {
	name string
	do   func(r *rand.Rand, was []byte, others [][]byte) []byte
}

// entryLen is a length of entries in the files of the searches below; it need not be theirs.
func entryLen(r *rand.Rand) int { return []int{8, 16, 24, spillBlock, 1 << 12}[r.IntN(5)] }

// damageKinds are the ways of spoiling a file.
func damageKinds() []damage {
	return []damage{
		{"cut at a record", func(r *rand.Rand, was []byte, _ [][]byte) []byte {
			k := entryLen(r)
			return was[:r.IntN(len(was)/k+1)*k]
		}},
		{"cut anywhere", func(r *rand.Rand, was []byte, _ [][]byte) []byte { return was[:r.IntN(len(was)+1)] }},
		{"emptied", func(*rand.Rand, []byte, [][]byte) []byte { return nil }},
		{"a bit", func(r *rand.Rand, was []byte, _ [][]byte) []byte {
			if len(was) > 0 {
				was[r.IntN(len(was))] ^= 1 << r.IntN(8)
			}
			return was
		}},
		{"many bits", func(r *rand.Rand, was []byte, _ [][]byte) []byte {
			for range len(was) / 50 {
				was[r.IntN(len(was))] ^= 1 << r.IntN(8)
			}
			return was
		}},
		{"zeros", func(r *rand.Rand, was []byte, _ [][]byte) []byte {
			at := r.IntN(len(was) + 1)
			clear(was[at:min(len(was), at+512)])
			return was
		}},
		{"swapped", func(r *rand.Rand, was []byte, _ [][]byte) []byte {
			k := entryLen(r)
			if n := len(was) / k; n > 1 {
				a, b := r.IntN(n)*k, r.IntN(n)*k
				x := bytes.Clone(was[a : a+k])
				copy(was[a:], was[b:b+k])
				copy(was[b:], x)
			}
			return was
		}},
		{"appended", func(r *rand.Rand, was []byte, _ [][]byte) []byte {
			return append(was, was[:min(len(was), entryLen(r))]...)
		}},
		{"one more byte", func(_ *rand.Rand, was []byte, _ [][]byte) []byte { return append(was, '\n') }},
		{"replaced", func(r *rand.Rand, was []byte, others [][]byte) []byte {
			if len(others) == 0 {
				return was
			}
			return others[r.IntN(len(others))]
		}},
		{"block of another", func(r *rand.Rand, was []byte, others [][]byte) []byte {
			if len(others) > 0 {
				copy(was, others[r.IntN(len(others))])
			}
			return was
		}},
	}
}

// spoil does a damage to a file. It says what it did, and whether that has changed anything.
func spoil(t *testing.T, r *rand.Rand, name string, others [][]byte) (what string, changed bool) {
	t.Helper()
	was, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	kinds := damageKinds()
	var d damage
	now := was
	for tries := 0; tries < 20 && bytes.Equal(was, now); tries++ {
		d = kinds[r.IntN(len(kinds))]
		now = d.do(r, bytes.Clone(was), others)
	}
	if err := os.WriteFile(name, now, 0o666); err != nil {
		t.Fatal(err)
	}
	return filepath.Base(name) + " " + d.name, !bytes.Equal(was, now)
}

// spoiler is a file system that does one damage: to the file that is opened or read at some moment, or to another
// that is there then.
type spoiler struct {
	osFiles
	t       *testing.T
	r       *rand.Rand
	moments int      // openings and reads so far
	at      int      // the moment of the damage; negative: never
	gone    [][]byte // some of what was removed
	here    []string // what there is
	what    string
	changed bool
}

func (s *spoiler) create(name string) (file, error) {
	f, err := s.osFiles.create(name)
	s.here = append(s.here, name)
	return spoiledFile{f, s, name}, err
}

func (s *spoiler) open(name string) (file, error) {
	s.moment(name)
	f, err := s.osFiles.open(name)
	return spoiledFile{f, s, name}, err
}

func (s *spoiler) remove(name string) error {
	if was, err := os.ReadFile(name); err == nil && len(was) > 0 && s.at >= 0 && len(s.gone) < 100 {
		s.gone = append(s.gone, was)
	}
	s.here = slices.DeleteFunc(s.here, func(x string) bool { return x == name })
	return s.osFiles.remove(name)
}

// moment does the damage if it is time.
func (s *spoiler) moment(name string) {
	if s.moments++; s.moments != s.at+1 {
		return
	}
	if s.r.IntN(4) == 0 {
		name = s.here[s.r.IntN(len(s.here))]
	}
	others := slices.Clone(s.gone)
	for _, x := range s.here {
		if was, err := os.ReadFile(x); err == nil && x != name {
			others = append(others, was)
		}
	}
	s.what, s.changed = spoil(s.t, s.r, name, others)
}

// spoiledFile is a file of a spoiler.
type spoiledFile struct {
	file
	s    *spoiler
	name string
}

func (f spoiledFile) ReadAt(p []byte, at int64) (int, error) {
	f.s.moment(f.name)
	return f.file.ReadAt(p, at)
}

// onDisk are searches that use all kinds of files, in one block and in several.
func onDisk() map[string]struct {
	f   Factory
	opt Options
} {
	return map[string]struct {
		f   Factory
		opt Options
	}{
		"pvdp":         {newPVDP(3, 2, 1, 0, false), Options{}},
		"graph, words": {newGraph(5, 900, 0, 16).factory(), Options{tight: true}},
		"graph":        {newGraph(7, 900, 2, 0).factory(), Options{tight: true, FindAll: true}},
		"graph, depth": {newGraph(3, 900, 0, 33).factory(), Options{tight: true, Depth: 6}},
		"first fault":  {newPVDP(4, 2, 1, 2, true), Options{}},
	}
}

// TestDiskDamage damages files of searches under way: each damage is told, or changes nothing.
func TestDiskDamage(t *testing.T) {
	told, harmless := 0, 0
	for name, c := range onDisk() {
		opt := c.opt
		want := plain(explored(t, c.f, opt))
		count := &spoiler{t: t, at: -1}
		opt.Disk, opt.files = t.TempDir(), count
		if got := plain(explored(t, c.f, opt)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %+v\nwant %+v", name, got, want)
		}
		for seed := range uint64(damages(t)/len(onDisk()) + 1) {
			r := rand.New(rand.NewPCG(seed, 3))
			s := &spoiler{t: t, r: r, at: r.IntN(count.moments)}
			opt.files = s
			got, err := Run(context.Background(), c.f, opt)
			if err == nil {
				harmless++
				if got = plain(got); !reflect.DeepEqual(got, want) {
					t.Errorf("%s, seed %d: %s at moment %d of %d makes it\n%+v\nwant %+v", name, seed, s.what, s.at, count.moments, got, want)
				}
				continue
			}
			told++
			if !s.changed {
				t.Errorf("%s, seed %d: %s changes nothing, but: %v", name, seed, s.what, err)
			}
			rightSoFar(t, fmt.Sprintf("%s, seed %d: %s", name, seed, s.what), got, want, err)
			if !strings.Contains(err.Error(), opt.Disk) || !strings.Contains(err.Error(), "is damaged: ") {
				t.Errorf("%s, seed %d: %s: the error does not say which file is damaged: %v", name, seed, s.what, err)
			}
		}
		empty(t, opt.Disk)
	}
	t.Logf("%d damages told, %d harmless", told, harmless)
	if told < harmless {
		t.Errorf("of %d damages %d did no harm: the test says little", told+harmless, harmless)
	}
}

// rightSoFar makes sure that a search which ended by an error has found nothing but what is there.
func rightSoFar(t *testing.T, name string, got, want Result, err error) {
	t.Helper()
	var partial *PartialError
	if !errors.As(err, &partial) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: not one line on a file: %v", name, err)
	}
	if got.Stopped != StopError || got.Complete {
		t.Errorf("%s: it ended by %v, complete %v", name, got.Stopped, got.Complete)
	}
	if n := len(got.PerDepth); n > len(want.PerDepth) || !slices.Equal(got.PerDepth, want.PerDepth[:n]) || sum(got.PerDepth) != got.States ||
		got.Transitions > want.Transitions || got.Skipped > want.Skipped {
		t.Errorf("%s: got %+v\nof %+v", name, got, want)
	}
	for _, f := range got.Findings {
		if !slices.ContainsFunc(want.Findings, func(g Finding) bool { return g.Kind == f.Kind && g.Rule == f.Rule }) {
			t.Errorf("%s: found %+v, there is only %+v", name, f, want.Findings)
		}
	}
}

// empty makes sure that a directory is.
func empty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", dir, left, err)
	}
}

// history is a checkpoint as it was at several times, each a map from names to contents.
type history []map[string][]byte

// recorded returns the states through which a checkpoint goes when a search is stopped and resumed, the last
// being that of its end.
func recorded(t *testing.T, f Factory, opt Options) (h history) {
	t.Helper()
	opt = saving(opt, t.TempDir())
	opt.CheckpointEvery = time.Nanosecond
	for opt.MaxStates = 300; ; opt.MaxStates += 300 {
		r := explored(t, f, opt)
		opt.Resume = true
		now := map[string][]byte{}
		all, err := os.ReadDir(opt.Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if now[e.Name()], err = os.ReadFile(filepath.Join(opt.Checkpoint, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
		h = append(h, now)
		if r.Stopped != StopStates {
			return h
		}
	}
}

// restore writes one state of a checkpoint into a new directory.
func (h history) restore(t *testing.T, i int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range h[i] {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCheckpointDamage damages files of checkpoints: each damage is told, or changes nothing.
func TestCheckpointDamage(t *testing.T) {
	told, harmless := 0, 0
	for name, c := range map[string]struct {
		f   Factory
		opt Options
	}{
		"pvdp":  {newPVDP(3, 2, 1, 0, false), Options{}},
		"graph": {newGraph(7, 2000, 2, 0).factory(), Options{FindAll: true}},
	} {
		want := plain(explored(t, c.f, c.opt))
		h := recorded(t, c.f, c.opt)
		var all []map[string][]byte
		var others [][]byte
		for _, now := range h {
			all = append(all, now)
			for _, text := range now {
				if len(text) > 0 && !slices.ContainsFunc(others, func(x []byte) bool { return bytes.Equal(x, text) }) {
					others = append(others, text)
				}
			}
		}
		slices.SortFunc(others, bytes.Compare)
		for seed := range uint64(damages(t)/2 + 1) {
			r := rand.New(rand.NewPCG(seed, 5))
			i := r.IntN(len(all))
			names := slices.Sorted(func(yield func(string) bool) {
				for n := range all[i] {
					if n != lockName && !yield(n) {
						return
					}
				}
			})
			opt := saving(c.opt, h.restore(t, i))
			opt.Resume = true
			what, changed := spoil(t, r, filepath.Join(opt.Checkpoint, names[r.IntN(len(names))]), others)
			got, err := Run(context.Background(), c.f, opt)
			if err == nil {
				harmless++
				if got = plain(got); !reflect.DeepEqual(got, want) {
					t.Errorf("%s, seed %d: %s makes it\n%+v\nwant %+v", name, seed, what, got, want)
				}
				continue
			}
			told++
			if !changed || !strings.Contains(err.Error(), opt.Checkpoint) || strings.Contains(err.Error(), "\n") || !reflect.DeepEqual(got, Result{}) {
				t.Errorf("%s, seed %d: %s, changed %v: not one line on a file: %v", name, seed, what, changed, err)
			}
		}
	}
	t.Logf("%d damages told, %d harmless", told, harmless)
	if told < harmless {
		t.Errorf("of %d damages %d did no harm: the test says little", told+harmless, harmless)
	}
}

// TestMissingFile removes files while they are needed.
func TestMissingFile(t *testing.T) {
	dir := t.TempDir()
	gone := ""
	opt := Options{Disk: dir, tight: true, ProgressEvery: time.Nanosecond, Progress: func(p Progress) {
		all, err := filepath.Glob(filepath.Join(dir, folderPrefix+"*", runPrefix+"*"))
		if err != nil || gone != "" || p.States < 1000 || len(all) == 0 {
			return
		}
		gone = all[0]
		if err := os.Remove(gone); err != nil {
			t.Error(err)
		}
	}}
	f := newPVDP(3, 2, 1, 0, false)
	r, err := Run(context.Background(), f, opt)
	if !errors.Is(err, fs.ErrNotExist) || gone == "" || !strings.Contains(err.Error(), gone) {
		t.Errorf("%q was removed: %v", gone, err)
	}
	rightSoFar(t, "removed", r, explored(t, f, Options{}), err)
}
