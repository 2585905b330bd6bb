package pvdp

import "github.com/ptcheck/ptcheck/reports"

// Coverage names the counters of a search of the adversary: operations carried
// out and refused.
func (a *Guest) Coverage(counters []uint64) []reports.Group {
	done, refused := reports.Group{Name: "operations", Due: true}, reports.Group{Name: "refused"}
	for i, name := range a.OpNames() {
		if name != "" {
			done.Counts = append(done.Counts, reports.Count{Name: name, N: counters[i]})
			refused.Counts = append(refused.Counts, reports.Count{Name: name, N: counters[numOps+i]})
		}
	}
	return []reports.Group{done, refused}
}
