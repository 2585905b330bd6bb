package reports

import "github.com/ptcheck/ptcheck/model/explore"

// StatsOf are the numbers of a search. depth is the bound that was asked for, 0
// for none.
func StatsOf(r *explore.Result, strategy explore.Strategy, depth int) *Stats {
	return &Stats{
		Strategy: strategyName(strategy), Depth: depth, Complete: r.Complete, Symmetry: r.Symmetry, Stopped: r.Stopped.String(),
		States: r.States, Transitions: r.Transitions, Diameter: r.Diameter, PerDepth: append([]uint64{}, r.PerDepth...),
		AllStates: r.AllStates, AllTransitions: r.AllTransitions, Omission: r.Omission, Walks: r.Walks,
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
