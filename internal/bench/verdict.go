package main

import (
	"encoding/json"
	"fmt"
)

// verdict is what the tables need of what explore --json prints.
type verdict struct {
	Verdict     string `json:"verdict"`
	States      uint64 `json:"states"`
	Transitions uint64 `json:"transitions"`
	Systems     []struct {
		States        uint64  `json:"states"`
		BytesPerState float64 `json:"bytes_per_state"`
	} `json:"systems"`
}

// readVerdict reads one. A search that found something is not what is measured.
func readVerdict(text string) (verdict, error) {
	var v verdict
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return v, fmt.Errorf("the verdict: %w", err)
	}
	if v.Verdict != "holds" || v.States == 0 || v.Transitions == 0 {
		return v, fmt.Errorf("the verdict is %q of %d states and %d transitions", v.Verdict, v.States, v.Transitions)
	}
	return v, nil
}

// bytesPerState is the mean over all searches of a verdict.
func (v *verdict) bytesPerState() float64 {
	sum, states := 0.0, 0.0
	for _, s := range v.Systems {
		sum += s.BytesPerState * float64(s.States)
		states += float64(s.States)
	}
	if states == 0 {
		return 0
	}
	return sum / states
}

// verdict is the one of all runs of an entrant: a search counts the same each time.
func (e *entrant) verdict() (verdict, error) {
	var first verdict
	for i, out := range e.outs {
		v, err := readVerdict(out)
		if err != nil {
			return v, fmt.Errorf("%s: %w", e.name, err)
		}
		if i == 0 {
			first = v
		}
		if v.States != first.States || v.Transitions != first.Transitions {
			return v, fmt.Errorf("%s: %d states and %d transitions, before %d and %d", e.name, v.States, v.Transitions, first.States, first.Transitions)
		}
	}
	return first, nil
}
