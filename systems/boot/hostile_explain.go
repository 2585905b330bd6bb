package system

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// hostileLog records the operations of a hostile guest for a report.
type hostileLog struct {
	m *HostileModel
	f *reports.Finding
}

func newHostileLog(m *HostileModel) *hostileLog {
	h := m.sys
	return &hostileLog{m, &reports.Finding{
		System: h.Name, Start: "root f0, pinned; " + strings.Join(h.o.Memory, ", "), Frames: []string{h.Scope},
		Initial: guestSnapshot(m.s), Calls: []reports.Call{}, Stack: []reports.Site{}, Walks: []reports.Walk{},
	}}
}

// issued records an operation before it is saved: what it changed is still known.
func (l *hostileLog) issued(text string) {
	m := l.m
	step := reports.Step{What: text, Answer: m.last.String(), Changes: differences(m.saved, m.s), Stack: []reports.Site{}}
	if step.Changes == nil {
		step.Changes = []reports.Change{}
	}
	l.f.Calls = append(l.f.Calls, reports.Call{Text: text, Steps: []reports.Step{step}, After: guestSnapshot(m.s)})
}

// conclude completes the report once a rule is found broken.
func (l *hostileLog) conclude(rule int) *reports.Finding {
	m, r := l.m, l.m.sys.rules[rule]
	l.f.Rule, l.f.Says, l.f.Source, l.f.Limits = r.ID, r.Says, r.Source, r.Limits
	d := m.judge.Detail
	var entry bool
	if l.f.Detail, entry = m.detail(r.ID); entry {
		if w, ok := walkEntry(m.s, guestRoots(m.s), d.Table, d.Slot); ok {
			l.f.Walks = append(l.f.Walks, w)
		}
	}
	if d.Frame != d.Table && m.s.L.Map.IsGuest(d.Frame) {
		if w, ok := walkTable(m.s, guestRoots(m.s), d.Frame); ok {
			l.f.Walks = append(l.f.Walks, w)
		}
	}
	return l.f
}

// Explain runs a path again and reports how it ends.
func (h *Hostile) Explain(path []uint64, rule int) (*reports.Finding, error) {
	m, err := h.NewModel()
	if err != nil {
		return nil, err
	}
	log, broken := newHostileLog(m), -1
	for i, c := range path {
		o := m.Apply(c)
		if o.Kind == explore.Violated {
			broken = int(o.Rule)
		} else if o.Kind != explore.Moved || broken >= 0 {
			return nil, fmt.Errorf("system: %s: the path ends early, at operation %d", h.Name, i+1)
		}
		log.issued(m.OpText(c))
		m.save()
	}
	if broken < 0 {
		broken = m.judge.State(m.s)
	}
	if broken != rule {
		return nil, fmt.Errorf("system: %s: the path does not break %s", h.Name, h.rules[rule].ID)
	}
	return log.conclude(rule), nil
}
