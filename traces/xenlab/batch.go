package xenlab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// RunAll runs scripts that have nothing to do with each other, each in a boot
// of its own, so many at a time. The recordings are in the scripts' order; the
// first error, in that order, is returned with them.
func RunAll(ctx context.Context, scripts [][]byte, workers int, o Options) ([]*Recording, error) {
	recs := make([]*Recording, len(scripts))
	errs := make([]error, len(scripts))
	if _, err := o.prepare(ctx); err != nil { // once, not in every worker
		return nil, err
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range max(workers, 1) {
		wg.Go(func() {
			for i := range next {
				recs[i], errs[i] = Run(ctx, scripts[i], o)
			}
		})
	}
	for i := range scripts {
		next <- i
	}
	close(next)
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return recs, fmt.Errorf("script %d of %d: %w", i+1, len(scripts), err)
		}
	}
	return recs, nil
}

// A BatchResult is what one script of a batch got: a recording as from a boot
// of its own and, if the machine stopped in it, the *Failure.
type BatchResult struct {
	Recording *Recording
	Err       error
}

// RunBatch runs scripts one after the other in as few boots as possible: one,
// and another after each script that stops the machine. It returns the number
// of boots. Scripts begin in the state after a reset; they must not contain
// "quiet", which outlives it.
func RunBatch(ctx context.Context, scripts [][]byte, o Options) ([]BatchResult, int, error) {
	results := make([]BatchResult, 0, len(scripts))
	boots := 0
	for len(results) < len(scripts) {
		joined, spans := join(scripts[len(results):])
		rec, err := Run(ctx, joined, o)
		boots++
		var failed *Failure
		if err != nil && (!errors.As(err, &failed) || failed.Kind == NoStart) {
			return results, boots, err
		}
		part := cut(rec, spans)
		if failed != nil && len(part) > 0 {
			part[len(part)-1].Err = failed
		} else if failed != nil {
			return results, boots, err
		}
		results = append(results, part...)
	}
	return results, boots, nil
}

// batchTitle marks where a script of a batch begins.
const batchTitle = "oracle batch"

// A span is where a script is in a batch: so many lines behind a line.
type span struct{ before, lines int }

// join puts scripts together. Each has a title before it and a reset behind
// it, so that what a reset finds broken counts against the script that did it.
func join(scripts [][]byte) ([]byte, []span) {
	var b bytes.Buffer
	spans := make([]span, len(scripts))
	at := 0
	for i, s := range scripts {
		fmt.Fprintf(&b, "t %s\n", batchTitle)
		b.Write(s)
		n := bytes.Count(s, []byte("\n"))
		if len(s) > 0 && s[len(s)-1] != '\n' {
			b.WriteByte('\n')
			n++
		}
		b.WriteString("reset\n")
		spans[i] = span{at + 1, n}
		at += n + 2
	}
	return b.Bytes(), spans
}

// cut takes the recording of joined scripts apart again. The last result is of
// the script in which the recording ends.
func cut(rec *Recording, spans []span) []BatchResult {
	var head []string
	var results []BatchResult
	for _, l := range rec.Lines {
		n := len(results)
		switch {
		case l == "T "+batchTitle:
			if n > 0 {
				results[n-1].Recording.keep("END")
			}
			r := &Recording{Xen: rec.Xen, Timing: rec.Timing}
			r.keep(head...)
			results = append(results, BatchResult{Recording: r})
		case n == 0:
			head = append(head, l)
		default:
			if l, ok := spans[n-1].shift(l); ok {
				results[n-1].Recording.keep(l)
			}
		}
	}
	return results
}

// shift makes the line number of a result count from the script's beginning;
// it is not ok for results outside the script.
func (s span) shift(l string) (string, bool) {
	rest, isResult := strings.CutPrefix(l, "R ")
	if !isResult {
		return l, true
	}
	digits, rest, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return l, true
	}
	n -= s.before
	return fmt.Sprintf("R %d %s", n, rest), n >= 1 && n <= s.lines
}
