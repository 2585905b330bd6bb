package reports

import "github.com/ptcheck/ptcheck/model/explore"

// StatsOf are the numbers of a search. depth is the bound that was asked for, 0
// for none, and all the number of states that symmetric ones count among, 0 if
// it is not known.
func StatsOf(r *explore.Result, strategy explore.Strategy, depth int, all uint64) *Stats {
	return &Stats{
		Strategy: strategyName(strategy), Depth: depth, Complete: r.Complete, Symmetry: r.Symmetry, Stopped: r.Stopped.String(),
		States: r.States, Transitions: r.Transitions, Diameter: r.Diameter, PerDepth: append([]uint64{}, r.PerDepth...),
		AllStates: all, Omission: r.Omission, Walks: r.Walks,
	}
}

func strategyName(s explore.Strategy) string {
	switch s {
	case explore.DepthFirst:
		return "depth-first"
	case explore.RandomWalk:
		return "random walks"
	}
	return "breadth-first"
}

// TimingsOf is what a search cost.
func TimingsOf(r *explore.Result) *Timings {
	return &Timings{Seconds: r.Duration.Seconds(), BytesPerState: r.BytesPerState, PeakMemory: r.PeakMemory}
}
