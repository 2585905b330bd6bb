package cli

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/audit"
)

// auditRun turns an audit into a run of a report: a finding for each run of addresses
// that breaks a rule.
func auditRun(a *audit.Audit) reports.Run {
	run := reports.Run{System: "memory image", Title: a.Headline(), Verdict: reports.Holds, Summary: a.Summary(), Findings: []*reports.Finding{}}
	rules := reports.Group{Name: "rules"}
	for i := range a.Verdicts {
		v := &a.Verdicts[i]
		rules.Counts = append(rules.Counts, reports.Count{Name: v.Rule.ID, N: v.Looked})
		for k := range v.Findings {
			run.Verdict = reports.Violated
			run.Findings = append(run.Findings, auditFinding(a, v, &v.Findings[k]))
		}
	}
	run.Coverage = []reports.Group{rules}
	return run
}

// auditFinding is one of them: the tables on the way to it are the state.
func auditFinding(a *audit.Audit, v *audit.Verdict, f *audit.Finding) *reports.Finding {
	out := &reports.Finding{
		System: "memory image", Rule: v.Rule.ID, Says: v.Rule.Says, Source: v.Rule.Source, Limits: v.Rule.Limits, Detail: f.Text(),
		Frames: []string{}, Stack: []reports.Site{}, Walks: []reports.Walk{}, Calls: []reports.Call{},
		Initial: reports.State{Registers: []reports.Register{}, Tables: []reports.Table{}, Pages: []reports.Page{}},
	}
	if len(f.Way) == 0 {
		return out
	}
	mode := a.Paging.Mode
	walk := reports.Walk{Title: fmt.Sprintf("address %#x under the root of %s", f.Start, f.Root)}
	for i, h := range f.Way {
		last := i == len(f.Way)-1
		t := reports.Table{Frame: frameText(h.Table), Geometry: mode.String(), Level: h.Level, Slots: mode.Slots(h.Level), Role: fmt.Sprintf("L%d", h.Level)}
		if i == 0 {
			t.Root = f.Root
		}
		e := reports.Entry{Slot: h.Slot, Text: entryText(h.Entry), Frame: frameText(h.Entry & uint64(model.FrameMask)), Kind: reports.TableEntry,
			Writable: model.Entry(h.Entry).Is(model.RW)}
		if last {
			e.Kind = reports.PageEntry
			if h.Level > 1 {
				e.Kind = reports.LargeEntry
			}
		}
		t.Entries = []reports.Entry{e}
		out.Initial.Tables = append(out.Initial.Tables, t)
		addPage(&out.Initial, t.Frame, t.Role)
		if last {
			addPage(&out.Initial, e.Frame, "")
		}
		walk.Hops = append(walk.Hops, reports.Hop{Geometry: t.Geometry, Level: h.Level, Frame: t.Frame, Slot: h.Slot, Entry: e.Text, Wrong: last})
	}
	out.Walks = append(out.Walks, walk)
	return out
}

// addPage adds a frame to those that are drawn; one with a role is a table.
func addPage(s *reports.State, frame, role string) {
	if !slices.ContainsFunc(s.Pages, func(p reports.Page) bool { return p.Frame == frame }) {
		s.Pages = append(s.Pages, reports.Page{Frame: frame, Machine: frame, Role: role, Table: role != ""})
	}
}

// frameText names the frame of a physical address.
func frameText(phys uint64) string { return fmt.Sprintf("%#x", phys>>image.PageShift) }

// entryText is an entry in the notation of scenarios.
func entryText(raw uint64) string {
	e := model.Entry(raw)
	return frameText(raw&uint64(model.FrameMask)) + ":" + string(model.AppendFlags(nil, e))
}
