package system

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

// Coverage names the counters of a search of the adversary: operations carried
// out and refused.
func (a *Adversary) Coverage(counters []uint64) []reports.Group {
	done, refused := reports.Group{Name: "operations", Due: true}, reports.Group{Name: "refused"}
	for i, name := range a.OpNames() {
		if name != "" {
			done.Counts = append(done.Counts, reports.Count{Name: name, N: counters[i]})
			refused.Counts = append(refused.Counts, reports.Count{Name: name, N: counters[numOps+i]})
		}
	}
	return []reports.Group{done, refused}
}
