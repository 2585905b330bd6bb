package mutants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// Report turns the finding of a Run into a run of a report. The mutant's scenario
// is left out of it: replayed, it would show the kernel without the bug.
func (m *Mutant) Report(r *Result) (reports.Run, error) {
	if r.Rule == "" {
		return reports.Run{}, fmt.Errorf("mutants: %s: nothing fires: there is nothing to report", m.ID)
	}
	s, err := m.subject()
	if err != nil {
		return reports.Run{}, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	f, _, err := s.explain(r.finding)
	if err != nil {
		return reports.Run{}, err
	}
	f.Replay = fmt.Sprintf("ptcheck mutants %s --report DIR", m.ID)
	return reports.Run{
		System:   m.System,
		Title:    fmt.Sprintf("planted bug %s, %s", m.ID, m.What),
		Verdict:  f.Verdict(),
		Summary:  f.Headline(),
		Scope:    s.scope,
		Stats:    reports.StatsOf(&r.search, explore.BreadthFirst, m.depth(), 0),
		Coverage: s.coverage(r.search.Counters),
		Findings: []*reports.Finding{f},
	}, nil
}
