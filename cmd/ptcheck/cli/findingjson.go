package cli

import (
	"fmt"

	"github.com/ptcheck/ptcheck/reports"
)

// findingJSON is a finding as explore --json has always printed it. New readers
// take --format json.
type findingJSON struct {
	System             string
	Start              string
	Frames             []string
	Rule, Says, Source string
	Crash              string
	Detail             string
	Calls              []string
	Steps              []stepJSON
	Before, After      []tableJSON
	Replay             string
}

type stepJSON struct {
	What   string
	Change []string
	Site   string
}

type tableJSON struct {
	Frame   string
	Role    string
	Entries []entryJSON
}

type entryJSON struct {
	Slot int
	Text string
}

func findingsJSON(list []*reports.Finding) []findingJSON {
	var out []findingJSON
	for _, f := range list {
		j := findingJSON{
			System: f.System, Start: f.Start, Frames: f.Frames, Rule: f.Rule, Says: f.Says, Source: f.Source,
			Crash: f.Crash, Detail: f.Detail, Replay: f.Replay,
		}
		for i := range f.Calls {
			j.Calls = append(j.Calls, f.Calls[i].Text)
		}
		if c := f.Last(); c != nil {
			j.Steps = stepsJSON(c.Steps)
			j.Before, j.After = tablesJSON(f.Before(len(f.Calls)-1)), tablesJSON(&c.After)
		}
		out = append(out, j)
	}
	return out
}

func stepsJSON(steps []reports.Step) []stepJSON {
	var out []stepJSON
	for i := range steps {
		s := &steps[i]
		j := stepJSON{What: s.What}
		if s.Answer != "" {
			j.What += " = " + s.Answer
		}
		for _, c := range s.Changes {
			j.Change = append(j.Change, c.String())
		}
		if len(s.Stack) > 0 {
			j.Site = fmt.Sprint(s.Stack[0])
		}
		out = append(out, j)
	}
	return out
}

func tablesJSON(s *reports.State) []tableJSON {
	var out []tableJSON
	for i := range s.Tables {
		t := &s.Tables[i]
		j := tableJSON{Frame: t.Frame, Role: t.Role}
		for _, e := range t.Entries {
			j.Entries = append(j.Entries, entryJSON{e.Slot, e.Text})
		}
		out = append(out, j)
	}
	return out
}
