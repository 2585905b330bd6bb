package mutants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// Report turns the finding of a Run into a run of a report. Its scenario says which bug is
// planted and how it ends: replayed, it shows the kernel with the bug.
func (m *Mutant) Report(r *Result) (reports.Run, error) {
	if r.Rule == "" {
		return reports.Run{}, fmt.Errorf("mutants: %s: nothing fires: there is nothing to report", m.ID)
	}
	s, err := m.Search()
	if err != nil {
		return reports.Run{}, err
	}
	f, err := explain(s, r.finding, m)
	if err != nil {
		return reports.Run{}, fmt.Errorf("mutants: %s: %w", m.ID, err)
	}
	f.Replay = fmt.Sprintf("ptcheck mutants %s --report DIR", m.ID)
	return reports.Run{
		System:   s.System,
		Title:    fmt.Sprintf("planted bug %s, %s", m.ID, m.What),
		Verdict:  f.Verdict(),
		Summary:  f.Headline(),
		Scope:    s.Scope,
		Stats:    reports.StatsOf(&r.result, explore.BreadthFirst, m.bounds().Depth),
		Coverage: s.Coverage(r.result.Counters),
		Findings: []*reports.Finding{f},
	}, nil
}

// explain plays the way to a finding for its report, which has a scenario with the bug.
func explain(s *systems.Search, f explore.Finding, m *Mutant) (*reports.Finding, error) {
	way, err := s.Scenario(f)
	if err != nil {
		return nil, err
	}
	p, err := way.Play(systems.PlayOptions{Report: true})
	if err != nil {
		return nil, err
	}
	if p.Finding == nil {
		return nil, fmt.Errorf("played again, nothing goes wrong")
	}
	ends := p.Verdict.Anywhere()
	file := systems.File{About: []string{"planted bug " + m.ID + ", " + m.What}, Mutant: m.ID, Expect: &ends, Scenario: way}
	p.Finding.Scenario = string(file.Text())
	return p.Finding, nil
}
