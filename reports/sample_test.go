package reports

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// examples reads the reports in docs/examples, which fuzz/mutants makes from
// planted bugs: one of native boot, one of Xen boot, one of the hypervisor.
func examples(t *testing.T) map[string]*Report {
	t.Helper()
	out := map[string]*Report{}
	files, err := filepath.Glob("../docs/examples/*/report.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var r Report
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[filepath.Base(filepath.Dir(name))] = &r
	}
	out["hostile"] = hostile()
	out["nothing"] = New("1", Run{System: "native", Verdict: Holds, Summary: "holds", Findings: []*Finding{},
		Coverage: []Group{{Name: "rules", Due: true, Counts: []Count{{"a-rule", 3}, {"idle-rule", 0}}}}})
	out["stopped"] = New("1", Run{System: "xen", Verdict: Stopped, Summary: "stopped by states", Findings: []*Finding{},
		Timings: &Timings{Seconds: 1.5}, Stats: &Stats{Strategy: "breadth-first", Stopped: "states", PerDepth: []uint64{1}}})
	return out
}

// hostile is a report whose every text means something to some format, or is too
// long for a line.
func hostile() *Report {
	const nasty = "</script><svg onload=alert(1)> ]]> ``` | _a_ *b* & \x1b[31m \"'\u00fc"
	long := "ptcheck replay /a/" + string(make([]byte, 0))
	for range 12 {
		long += "very-long-folder-name/"
	}
	state := State{
		Registers: []Register{{"CR3", nasty}},
		Tables: []Table{{Frame: "f0", Geometry: nasty, Level: 2, Slots: 1024, Role: nasty, Root: "CR3", Entries: []Entry{
			{Slot: 3, Text: "f1:PW", Frame: "f1", Kind: TableEntry, Writable: true}, {Slot: 1000, Text: nasty, Kind: LargeEntry}}}},
		Pages: []Page{{Frame: "f0", Machine: "0x0", Role: nasty, Type: nasty, Table: true}, {Frame: "f1", Machine: "0x1", Free: true}},
	}
	other := state
	other.Tables = []Table{}
	site := &Site{Function: nasty, File: "hooks/a.go", Line: 7}
	return New(nasty, Run{
		System: "native", Title: nasty, Verdict: Crashed, Summary: nasty, Scope: nasty,
		Findings: []*Finding{{
			System: "native", Start: nasty, Frames: []string{nasty}, Crash: nasty, Kind: "bug", Detail: nasty + long,
			Stack: []Site{*site}, Initial: state, Replay: long, Scenario: nasty + "\n" + long,
			Walks: []Walk{{Title: nasty, End: nasty, Hops: []Hop{{Geometry: nasty, Level: 2, Frame: "f0", Slot: 3, Entry: nasty, Wrong: true}}}},
			Calls: []Call{{Text: nasty, Site: site, After: other, Steps: []Step{{What: nasty, Answer: "-EINVAL",
				Changes: []Change{{"f0", 3, nasty, "0"}}, Stack: []Site{*site}, After: &other}}}},
		}},
	})
}
