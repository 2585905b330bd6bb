package property_test

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/fuzz/corpus"
	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
)

// races is the property that nothing goes wrong on two processors, whatever they do at the
// same time and however their steps follow each other. What is broken counts if it is one
// of some things, or whatever it is if none are named.
func races(track *property.Track, f *finding, counts ...string) func(*rapid.T) {
	return func(t *rapid.T) {
		d := drawer(t)
		l, err := track.Start(d)
		for n := d("calls", 1, 24); err == nil && n > 0; n-- {
			code, ok := l.Race(d)
			if !ok {
				return
			}
			err = l.Do(code)
		}
		if err != nil && (counts == nil || slices.Contains(counts, l.Broken)) {
			f.note(l.Scenario, err)
			t.Fatal(err)
		}
	}
}

// track is every machine that has two processors, with every theme.
func track(t *testing.T) *property.Track {
	t.Helper()
	out, err := property.NewTrack(life.SMP(), kernel.Options{Themes: life.Themes(), Preemptions: model.MaxPreemptions})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// oftener has rapid make so many times the checks that it is told to: races are short, and
// there are many.
func oftener(t *testing.T, times int) {
	t.Helper()
	n, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(restore(t, "rapid.checks"))
	set(t, "rapid.checks", strconv.Itoa(times*n))
}

// TestRaces has two processors race on all machines that have two.
func TestRaces(t *testing.T) {
	oftener(t, 50)
	checks(func(f *finding) func(*rapid.T) { return races(track(t), f) })(t)
}

// reached is what races have come to.
type reached struct {
	made          map[model.CallKind]bool
	offered, side map[[2]model.CallKind]bool // pairs that could be made side by side, and were
	preemptions   [model.MaxPreemptions + 1]int
	first         [2]int // who starts
}

// ofKinds are the kinds of a pair of calls, whoever makes which.
func ofKinds(c kernel.Call) [2]model.CallKind {
	return [2]model.CallKind{min(c.Kind, c.Beside.Kind), max(c.Kind, c.Beside.Kind)}
}

// race makes one more step of a life and notes it.
func (r *reached) race(l *property.Life, d drawn.Draw) (more bool, problem error) {
	for _, c := range l.Model.SideBySide(nil) {
		r.offered[ofKinds(c)] = true
	}
	code, ok := l.Race(d)
	if !ok {
		return false, nil
	}
	c := kernel.CallOf(code)
	r.made[c.Kind] = true
	if c.Beside.Kind != model.CallNone {
		r.side[ofKinds(c)] = true
		r.first[c.Sched.First]++
		r.preemptions[len(bytes.TrimRight(c.Sched.Points[:], "\x00"))]++
	}
	return true, l.Do(code)
}

// TestRacesReachEverything holds that races are long and various enough: every call is made,
// most pairs of those that can be are, and schedules have every number of preemptions.
func TestRacesReachEverything(t *testing.T) {
	oftener(t, 50)
	on := track(t)
	r := &reached{made: map[model.CallKind]bool{}, offered: map[[2]model.CallKind]bool{}, side: map[[2]model.CallKind]bool{}}
	var kinds uint64
	rapid.Check(t, func(t *rapid.T) {
		d := drawer(t)
		l, err := on.Start(d)
		for n, more := 0, true; more && n < 20 && err == nil; n++ {
			more, err = r.race(l, d)
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds = l.Sys.Kinds
	})
	for k := range model.NumCalls {
		if kinds>>k&1 != 0 && !r.made[k] {
			t.Errorf("%v is never called", k)
		}
	}
	if 5*len(r.side) < 3*len(r.offered) || len(r.offered) < 80 {
		t.Errorf("%d of %d pairs of calls are made", len(r.side), len(r.offered))
	}
	if slices.Contains(r.preemptions[:], 0) || slices.Contains(r.first[:], 0) {
		t.Errorf("schedules by preemptions: %d, by the processor that starts: %d; want some of each", r.preemptions, r.first)
	}
	t.Logf("%d of %d pairs of calls; schedules by preemptions: %d", len(r.side), len(r.offered), r.preemptions)
}

// ofTwo are the mutants of systems whose machines have two processors.
func ofTwo(t *testing.T) []mutants.Mutant {
	t.Helper()
	two := map[string]bool{}
	var out []mutants.Mutant
	for _, m := range mutants.All() {
		name := m.SystemName()
		b, ok := m.System.(*kernel.Backend)
		if _, known := two[name]; ok && !known {
			s, err := b.New(kernel.Options{})
			if err != nil {
				t.Fatal(err)
			}
			two[name] = s.Inits[0].State.Processors() > 1
		}
		if two[name] {
			out = append(out, m)
		}
	}
	return out
}

// mostRaces is how many races each mutant of two processors must be found by.
const mostRaces = 6000

// racesOf are races on the machines that a mutant names, with it planted. What it may break
// besides the rule that must catch it does not count.
func racesOf(t *testing.T, m *mutants.Mutant, f *finding) func(*rapid.T) {
	t.Helper()
	o := kernel.OptionsOf(m.Values, m.Change)
	o.Preemptions = model.MaxPreemptions
	on, err := property.NewTrack(m.System.(*kernel.Backend), o)
	if err != nil {
		t.Fatal(err)
	}
	return races(on, f, strings.TrimPrefix(m.Catch, "crash "))
}

// manyRaces has rapid make as many races as a mutant must be found by, from the usual seed.
func manyRaces(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"rapid.nofailfile": "true", "rapid.shrinktime": "0s", "rapid.seed": seed, "rapid.checks": rapidChecks(mostRaces),
	} {
		t.Cleanup(restore(t, name))
		set(t, name, value)
	}
}

// TestRaceMutants plants the bugs of two processors: races find each.
func TestRaceMutants(t *testing.T) {
	manyRaces(t)
	list := ofTwo(t)
	if len(list) < 14 {
		t.Errorf("%d mutants only", len(list))
	}
	for _, m := range list {
		n := falsified(racesOf(t, &m, &finding{}))
		if n == 0 {
			t.Errorf("%s: %d races do not come to %s", m.ID, mostRaces, m.Catch)
		}
		t.Logf("%s: %s in race %d", m.ID, m.Catch, n)
	}
}

// TestRacesShrink wants what races find to become as short as the shortest way that there
// is. Two calls side by side are one step of that.
func TestRacesShrink(t *testing.T) {
	manyRaces(t)
	dir := t.TempDir()
	for _, m := range longtest.Part(t, ofTwo(t), 4) {
		f := &finding{mutant: m.ID}
		falsified(racesOf(t, &m, f))
		got, err := f.file(dir)
		if err != nil {
			t.Errorf("%s: %v", m.ID, err)
			continue
		}
		text, err := os.ReadFile(got.Path)
		if err != nil {
			t.Fatal(err)
		}
		r := corpus.Check(setOf(t), got.Path, text)
		if r.Err != nil || r.Failure != "" || r.Mutant != m.ID || !strings.HasSuffix(m.Catch, r.Verdict.What) || got.Shrunk.To > m.Steps || !got.Shrunk.Minimal {
			t.Errorf("%s: %d calls of %d, the shortest way has %d: %+v\n%s", m.ID, got.Shrunk.To, got.Shrunk.From, m.Steps, r, text)
		}
		t.Logf("%s: %d calls, %d of them needed, %d tries", m.ID, got.Shrunk.From, got.Shrunk.To, got.Shrunk.Tries)
	}
}
