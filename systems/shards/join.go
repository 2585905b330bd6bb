package shards

import (
	"cmp"
	"slices"

	"github.com/ptcheck/ptcheck/model/explore"
)

// Join returns the result of one search over all the pieces of a question. States are numbered
// by depth, then by initial state: so the first finding is that of the least depth, of those the
// one from the first initial state, and what one search would have counted up to there is known
// of each piece.
func Join(q *Question, pieces []Piece) explore.Result {
	if len(pieces) == 1 && pieces[0].Init == whole {
		return pieces[0].Result
	}
	pieces = slices.Clone(pieces)
	slices.SortFunc(pieces, func(a, b Piece) int { return cmp.Compare(a.Init, b.Init) })
	var r explore.Result
	r.Findings = findings(pieces)
	end := never
	if len(r.Findings) > 0 && !q.Options.FindAll {
		r.Findings = r.Findings[:1]
		end = point{len(r.Findings[0].Path), r.Findings[0].Init}
	}
	r.Complete = end == never
	for i := range pieces {
		count(&r, pieces[i].until(end))
		attend(&r, &pieces[i].Result)
	}
	r.States = total(r.PerDepth)
	r.Diameter = max(0, len(r.PerDepth)-1)
	if r.BytesPerState > 0 { // attend has summed up bytes
		r.BytesPerState /= float64(looked(pieces))
	}
	if end != never {
		r.Stopped = explore.StopFinding
	}
	return r
}

// findings are the first findings of every kind, in the order of one search.
func findings(pieces []Piece) []explore.Finding {
	var all, out []explore.Finding
	for i := range pieces {
		all = append(all, pieces[i].Result.Findings...)
	}
	slices.SortStableFunc(all, func(a, b explore.Finding) int { return cmp.Compare(len(a.Path), len(b.Path)) })
	for _, f := range all {
		if !slices.ContainsFunc(out, func(g explore.Finding) bool { return g.Kind == f.Kind && g.Rule == f.Rule }) {
			out = append(out, f)
		}
	}
	return out
}

// point is where one search would end: at a finding at a depth, from an initial state.
type point struct{ depth, init int }

// never is the point of a search that no finding ends.
var never = point{-1, -1}

// until is what one search that ends at a point would have seen of a piece: of initial states
// before that of the finding all calls of states less deep than the finding, of those behind it
// a depth less. A piece that knows no more is taken as it is: a limit has ended it.
func (p *Piece) until(end point) explore.Result {
	r := p.Result
	depth := end.depth
	switch {
	case end == never || p.Init == end.init:
		return r
	case p.Init > end.init:
		depth--
	}
	if depth < 0 {
		return explore.Result{}
	}
	if depth < len(r.Levels) {
		l := &r.Levels[depth]
		r.Transitions, r.Skipped, r.Counters = l.Transitions, l.Skipped, l.Counters
		r.AllStates, r.AllTransitions = l.AllStates, l.AllTransitions
		r.PerDepth = r.PerDepth[:min(depth+1, len(r.PerDepth))]
	}
	return r
}

// count adds what was found and counted.
func count(sum *explore.Result, r explore.Result) {
	sum.Transitions += r.Transitions
	sum.Skipped += r.Skipped
	sum.AllStates += r.AllStates
	sum.AllTransitions += r.AllTransitions
	sum.PerDepth = add(sum.PerDepth, r.PerDepth)
	sum.Counters = add(sum.Counters, r.Counters)
}

// add adds numbers to a sum, which may become longer.
func add(sum, numbers []uint64) []uint64 {
	if n := len(numbers) - len(sum); n > 0 {
		sum = append(sum, make([]uint64, n)...)
	}
	for i, n := range numbers {
		sum[i] += n
	}
	return sum
}

// attend takes in how a search went.
func attend(sum, r *explore.Result) {
	sum.Complete = sum.Complete && r.Complete
	sum.Symmetry = sum.Symmetry || r.Symmetry
	if rank(r.Stopped) > rank(sum.Stopped) {
		sum.Stopped = r.Stopped
	}
	sum.Omission += r.Omission // each at most
	sum.BytesPerState += r.BytesPerState * float64(r.States)
	sum.PeakMemory = max(sum.PeakMemory, r.PeakMemory)
	sum.DiskBytes = max(sum.DiskBytes, r.DiskBytes)
	sum.Duration += r.Duration
}

// rank says which of two reasons is that of both: one that cuts an answer short before one that
// was asked for.
func rank(r explore.Reason) int {
	switch r {
	case explore.StopNone:
		return 0
	case explore.StopDepth:
		return 1
	}
	return 2
}

// looked is how many states all pieces have looked at.
func looked(pieces []Piece) (n uint64) {
	for i := range pieces {
		n += pieces[i].Result.States
	}
	return n
}

func total(numbers []uint64) (sum uint64) {
	for _, n := range numbers {
		sum += n
	}
	return sum
}
