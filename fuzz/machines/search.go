package machines

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Search boots a kernel on many machines.
type Search struct {
	Kernel  *emulator.Kernel
	Options Options
	Seed    uint64
	Cases   int           // 0: as many as there is time for
	Time    time.Duration // 0: as long as the cases take
	Workers int
	Tries   int // machines that shrinking one may take
}

// Case is a machine that was tried.
type Case struct {
	Index   int // counted from 0
	Machine *emulator.Machine
	Outcome *Outcome // nil if there is none
	Err     error    // why there is no outcome
}

// Progress is how far a search is.
type Progress struct {
	Cases, Distinct, Found int
	Elapsed                time.Duration
}

// Rate is the number of cases a minute.
func (p Progress) Rate() float64 {
	if p.Elapsed <= 0 {
		return 0
	}
	return float64(p.Cases) / p.Elapsed.Minutes()
}

// Tally counts what a search came across.
type Tally struct {
	Progress
	Broken map[string]int // machines by what is wrong with them
	Known  map[string]int // by what is known of the kernel
	Ends   map[string]int // machines by how a run ended that did not come to its end
	Deaths int            // of runners
}

// maxDeaths is how many runners may die before a search gives up.
const maxDeaths = 20

// ErrRunner is the error for runners that do nothing but die.
var ErrRunner = errors.New("runners keep dying")

// Run tries machine after machine. It calls found for the first machine of each problem, made
// small, and for each machine of which a runner died; progress after each machine. What it tells
// and in which order does not depend on the number of workers. It returns early, without an
// error, when the context is done.
func (s *Search) Run(ctx context.Context, found func(Finding), progress func(Progress)) (*Tally, error) {
	start := time.Now()
	t := &Tally{Broken: map[string]int{}, Known: map[string]int{}, Ends: map[string]int{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.Time > 0 {
		defer time.AfterFunc(s.Time, cancel).Stop()
	}
	first, err := Start(ctx, s.Kernel, s.Options)
	if err != nil {
		return t, err
	}
	defer func() { first.Close() }()
	digests := map[uint64]bool{}
	for c := range s.cases(ctx, first.Bounds) {
		t.Cases++
		t.Elapsed = time.Since(start)
		if c.Err != nil {
			t.Deaths++
			found(Finding{Machine: c.Machine, Problem: newProblem(ruleRunner, c.Err.Error()), Case: c.Index})
			if t.Deaths == maxDeaths {
				return t, fmt.Errorf("%w: %w", ErrRunner, c.Err)
			}
			continue
		}
		digests[c.Outcome.Digest] = true
		t.Distinct = len(digests)
		for _, p := range c.Outcome.Problems {
			if p.Known {
				t.Known[p.Rule]++
				continue
			}
			if t.Broken[p.key()]++; t.Broken[p.key()] == 1 {
				found(s.small(ctx, &first, c, p))
			}
		}
		if t.Found = len(t.Broken); c.Outcome.Stop != first.Stop() {
			t.Ends[c.Outcome.Stop]++
		}
		progress(t.Progress)
	}
	t.Elapsed = time.Since(start)
	return t, nil
}

// small makes the machine of a finding small, with a runner of its own: other workers go on.
func (s *Search) small(ctx context.Context, sub **Subject, c Case, p Problem) Finding {
	f := Finding{Machine: c.Machine, Problem: p, Outcome: c.Outcome, Case: c.Index, Bounds: (*sub).Bounds}
	f.shrink(s.Tries, func(m *emulator.Machine) *Outcome {
		if ctx.Err() != nil {
			return nil
		}
		o, err := (*sub).Try(m)
		var died *emulator.Died
		if errors.As(err, &died) {
			if next, err := Start(ctx, s.Kernel, s.Options); err == nil {
				*sub = next
			}
		}
		if err != nil {
			return nil
		}
		return o
	})
	return f
}

// cases tries machines in parallel and yields them in order.
func (s *Search) cases(ctx context.Context, b Bounds) func(yield func(Case) bool) {
	return func(yield func(Case) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		next := make(chan int)
		done := make(chan Case)
		wg.Go(func() {
			defer close(next)
			for i := 0; s.Cases == 0 || i < s.Cases; i += Batch {
				select {
				case next <- i:
				case <-ctx.Done():
					return
				}
			}
		})
		for range s.Workers {
			wg.Go(func() { s.work(ctx, b, next, done) })
		}
		go func() { wg.Wait(); close(done) }()
		waiting := map[int]Case{}
		for want := 0; ; {
			c, ok := <-done
			if !ok {
				break
			}
			waiting[c.Index] = c
			for c, ok := waiting[want]; ok; c, ok = waiting[want] {
				delete(waiting, want)
				want++
				if ctx.Err() == nil && !yield(c) {
					cancel()
				}
			}
		}
		cancel()
	}
}

// work tries batches of machines until there are no more.
func (s *Search) work(ctx context.Context, b Bounds, next <-chan int, done chan<- Case) {
	var sub *Subject
	defer func() {
		if sub != nil {
			sub.Close()
		}
	}()
	for first := range next {
		for i := first; i < first+Batch && (s.Cases == 0 || i < s.Cases); i++ {
			c := s.try(ctx, &sub, b, i)
			select {
			case <-ctx.Done():
				return
			case done <- c:
			}
		}
	}
}

// try tries one machine. A runner that is not there, or has died, is started first.
func (s *Search) try(ctx context.Context, sub **Subject, b Bounds, i int) Case {
	c := Case{Index: i, Machine: Draw(b, s.Seed, i)}
	if *sub == nil {
		*sub, c.Err = Start(ctx, s.Kernel, s.Options)
	}
	if c.Err == nil {
		c.Outcome, c.Err = (*sub).Try(c.Machine)
	}
	var died *emulator.Died
	if errors.As(c.Err, &died) && *sub != nil {
		(*sub).Close()
		*sub = nil
	}
	if c.Outcome != nil && len(c.Outcome.Problems) == 0 {
		c.Outcome.Recording = nil // it is large, and others may have to be waited for
	}
	return c
}
