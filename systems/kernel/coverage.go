package kernel

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// Coverage names the counters of a search of the system: calls made and rules
// exercised.
func (s *System) Coverage(counters []uint64) []reports.Group {
	calls := reports.Group{Name: "calls", Due: true}
	for k := model.CallKind(1); k < model.NumCalls; k++ {
		if !s.Speaks(k) {
			continue
		}
		calls.Counts = append(calls.Counts, reports.Count{Name: k.String(), N: counters[k]})
	}
	rules := reports.Group{Name: "rules", Due: true}
	for i, r := range s.rules {
		rules.Counts = append(rules.Counts, reports.Count{Name: r.ID, N: counters[int(model.NumCalls)+i]})
	}
	return []reports.Group{calls, rules}
}
