package mutants

import (
	"context"
	"runtime"
	"sync"
)

// RunAll runs mutants side by side and returns their results in the order given.
// done, if not nil, is told how many have finished, from one goroutine at a time.
// The first error ends it. If ctx is cancelled, the results of those that were
// searched to the end come with the error; the others have no ID.
func RunAll(ctx context.Context, list []Mutant, done func(int)) ([]Result, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	results := make([]Result, len(list))
	next := make(chan int)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		count int
	)
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		wg.Go(func() {
			for i := range next {
				r, err := list[i].Run(ctx)
				if err != nil {
					stop(err)
					continue
				}
				if ctx.Err() != nil {
					continue // the search was cut short: it says nothing
				}
				mu.Lock()
				results[i], count = r, count+1
				if done != nil {
					done(count)
				}
				mu.Unlock()
			}
		})
	}
	for i := range list {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return results, context.Cause(ctx)
	}
	return results, nil
}

// Kills says, of one rule, which mutants it catches.
type Kills struct {
	Rule string
	// Named counts the mutants that name the rule and are caught by it, Fired all
	// those under which it fires.
	Named, Fired int
	// Sole are the IDs of the mutants under which nothing else fires.
	Sole []string
}

// KillsOf sums up results by rule, in the order of the names given; names that occur
// in results only follow in order of their first appearance.
func KillsOf(rules []string, results []Result) []Kills {
	var out []Kills
	at := map[string]int{}
	row := func(rule string) *Kills {
		i, ok := at[rule]
		if !ok {
			i = len(out)
			at[rule] = i
			out = append(out, Kills{Rule: rule})
		}
		return &out[i]
	}
	for _, r := range rules {
		row(r)
	}
	for _, r := range results {
		for _, rule := range r.Fired {
			k := row(rule)
			k.Fired++
			if r.Caught && rule == r.Rule {
				k.Named++
			}
			if len(r.Fired) == 1 {
				k.Sole = append(k.Sole, r.ID)
			}
		}
	}
	return out
}
