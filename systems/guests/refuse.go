package guests

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Site is a place in the kernel from which it makes requests of a kind: all with the same callers.
type Site struct {
	Request
	First int // the number of the first request from there
	Count int // how many there are
}

// Sites are the places from which a run made requests that may fail, in the order of the first.
func (r *Run) Sites() (list []Site) {
	at := map[string]int{}
	for n, x := range r.Requests {
		key := fmt.Sprint(x.Number, x.Operation, x.Callers)
		i, known := at[key]
		if !known {
			i = len(list)
			at[key] = i
			list = append(list, Site{Request: x, First: n})
		}
		list[i].Count++
	}
	return list
}

// Answers are what each request may get instead of being carried out.
func Answers(x Request) (list []Refusal) {
	for _, e := range []model.Errno{model.EINVAL, model.ENOMEM, model.EBUSY} {
		list = append(list, Refusal{Errno: e})
	}
	if x.Inner || x.Number == hypercall.MMUUpdate || x.Number == hypercall.MMUExt {
		list = append(list, Refusal{Preempted: true})
	}
	return list
}

// String is what the guest is answered.
func (r Refusal) String() string {
	if r.Preempted {
		return "broken off"
	}
	return r.Errno.String()
}

// Verdict is what a kernel made of a refusal.
type Verdict int

// Verdicts; what each says is in verdicts.
const (
	Copes Verdict = iota
	Stops
	GoesOn
	Dies
	numVerdicts
)

var verdicts = [numVerdicts]struct{ word, says string }{
	Copes:  {"copes", "The kernel got to the end, and its tables are those of a boot without the refusal."},
	Stops:  {"stops", "The kernel noticed the refusal, and stopped itself."},
	GoesOn: {"goes on", "The kernel got to the end without what it was refused."},
	Dies:   {"dies later", "The kernel went on after the refusal, and came to grief by something else."},
}

// Verdicts are all there are.
func Verdicts() (all []Verdict) {
	for v := range numVerdicts {
		all = append(all, v)
	}
	return all
}

// String is the verdict in a word or two.
func (v Verdict) String() string { return verdicts[v].word }

// Says is what it means.
func (v Verdict) Says() string { return verdicts[v].says }

// Judge compares a run that met a refusal with the boot without one.
func (r *Run) Judge(k *emulator.Kernel, plain *Run) (v Verdict, detail string) {
	if r.Stop == plain.Stop {
		if d := r.differs(k, plain); d != "" {
			return GoesOn, d
		}
		return Copes, ""
	}
	if r.panics(k) {
		return Stops, r.Why(k)
	}
	if n := len(r.Exceptions); n > 0 && r.Exceptions[n-1].Vector == invalidOpcode && r.Stop != "killed" {
		return Stops, r.Why(k)
	}
	return Dies, r.Why(k)
}

// panics reports whether a run ended by a panic that is not the end of an exception.
func (r *Run) panics(k *emulator.Kernel) bool {
	text := k.PanicText(r.Result)
	return r.Stop == "panic" && !strings.Contains(text, "exception") && !strings.Contains(text, "Attempted to kill")
}

// Why says how a run ended that did not come to its end.
func (r *Run) Why(k *emulator.Kernel) string {
	if r.panics(k) {
		return fmt.Sprintf("panic(%q)", k.PanicText(r.Result))
	}
	if n := len(r.Exceptions); n > 0 && r.Stop != "killed" {
		last := r.Exceptions[n-1]
		name, off := k.Function(last.PC)
		if last.Vector == invalidOpcode {
			return fmt.Sprintf("BUG at %s+%#x", name, off)
		}
		return fmt.Sprintf("exception %d at %s+%#x, address %x", last.Vector, name, off, last.CR2)
	}
	return r.Stop + ": " + r.Detail
}

// mapping is what a table entry at the lowest level maps.
type mapping struct{ frame, flags uint64 }

// leaves are all mappings below the root, without accessed and dirty bits.
func (r *Run) leaves() map[uint64]mapping {
	out := map[uint64]mapping{}
	var walk func(mfn uint64, level int, va uint64)
	walk = func(mfn uint64, level int, va uint64) {
		t, ok := r.Tables[mfn]
		if !ok || t.Level != level {
			return
		}
		for slot, w := range t.Words {
			if w&uint64(model.Present) == 0 || level == 4 && slot >= firstXenSlot && slot <= lastXenSlot {
				continue
			}
			at := va | uint64(slot)<<(12+9*uint(level-1))
			if level == 4 && slot >= 256 {
				at |= 0xffff << 48
			}
			if level > 1 {
				walk(frameOf(w), level-1, at)
				continue
			}
			out[at] = mapping{frameOf(w), w &^ uint64(model.FrameMask|model.Accessed|model.Dirty)}
		}
	}
	walk(r.Root, 4, 0)
	return out
}

func frameOf(w uint64) uint64 { return uint64(model.Entry(w).MFN()) }

// differs says how the tables of a run differ from those of another; empty if they do not.
func (r *Run) differs(k *emulator.Kernel, plain *Run) string {
	is, want := r.leaves(), plain.leaves()
	var list []uint64
	for va, m := range want {
		if is[va] != m {
			list = append(list, va)
		}
	}
	for va := range is {
		if _, ok := want[va]; !ok {
			list = append(list, va)
		}
	}
	if len(list) > 0 {
		slices.Sort(list)
		va := list[0]
		tell := func(m map[uint64]mapping) string {
			if x, ok := m[va]; ok {
				return fmt.Sprintf("frame %x, flags %x", x.frame, x.flags)
			}
			return "nothing"
		}
		return fmt.Sprintf("%d addresses lead elsewhere; the first: %x maps %s instead of %s", len(list), va, tell(is), tell(want))
	}
	pins := 0
	first := uint64(0)
	for _, mfn := range slices.Sorted(maps.Keys(plain.Tables)) {
		if plain.Tables[mfn].Pinned != r.Tables[mfn].Pinned || plain.Tables[mfn].Level != r.Tables[mfn].Level {
			if pins == 0 {
				first = mfn
			}
			pins++
		}
	}
	if pins > 0 {
		w, i := plain.Tables[first], r.Tables[first]
		return fmt.Sprintf("%d tables are not held as such; the first: frame %x is of level %d (pinned: %v) instead of %d (%v)", pins, first, i.Level, i.Pinned, w.Level, w.Pinned)
	}
	return ""
}

// Refused is what a kernel made of one refusal.
type Refused struct {
	Order   int // among all
	Site    Site
	Answer  Refusal
	Verdict Verdict
	Detail  string
}

// Refusals are all refusals that there are to try.
func (r *Run) Refusals() (list []*Refused) {
	for _, s := range r.Sites() {
		for _, a := range Answers(s.Request) {
			a.At = s.First
			list = append(list, &Refused{Order: len(list), Site: s, Answer: a})
		}
	}
	return list
}

// Spread is n refusals of a list, at even distances; all, if there are no more or n is 0.
func Spread(list []*Refused, n int) []*Refused {
	if n == 0 || n >= len(list) {
		return list
	}
	some := make([]*Refused, n)
	for i := range some {
		some[i] = list[i*len(list)/n]
	}
	return some
}

// Refuse boots a kernel once for each of some refusals of a plain run. start makes a runner, and is called as often
// as there are workers; told gets what comes of each boot, in no order.
func Refuse(ctx context.Context, start func() (*emulator.Runner, error), k *emulator.Kernel, m *Machine, stop string, plain *Run, list []*Refused, workers int, told func(*Refused)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		next   atomic.Int64
		mu     sync.Mutex
		failed error
		all    sync.WaitGroup
	)
	work := func() error {
		r, err := start()
		if err != nil {
			return err
		}
		defer r.Close()
		for n := next.Add(1) - 1; int(n) < len(list) && ctx.Err() == nil; n = next.Add(1) - 1 {
			x := list[n]
			run, err := Boot(r, k, m, stop, &x.Answer)
			if err != nil {
				return err
			}
			x.Verdict, x.Detail = run.Judge(k, plain)
			mu.Lock()
			told(x)
			mu.Unlock()
		}
		return ctx.Err()
	}
	for range workers {
		all.Go(func() {
			if err := work(); err != nil {
				mu.Lock()
				failed = cmp.Or(failed, err)
				mu.Unlock()
				cancel()
			}
		})
	}
	all.Wait()
	return failed
}
