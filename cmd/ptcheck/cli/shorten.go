package cli

import (
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/trial"
)

// shorten shrinks a finding of a strategy that does not find shortest ways. It
// takes and returns the report and the scenario.
func shorten(s explore.Strategy, rep *reports.Finding, scenario []byte) (*reports.Finding, []byte, error) {
	if s == explore.BreadthFirst {
		return rep, scenario, nil
	}
	t, err := trial.Parse("scenario", scenario)
	if err != nil {
		return nil, nil, err
	}
	small, _, err := t.Shrink(0)
	if err != nil {
		return nil, nil, err
	}
	if rep, err = small.Explain(); err != nil {
		return nil, nil, err
	}
	text, err := small.Text()
	return rep, text, err
}
