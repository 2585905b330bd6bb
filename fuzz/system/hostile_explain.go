package system

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// Explain runs a path again and reports how it ends.
func (h *Hostile) Explain(path []uint64, rule int) (*reports.Finding, error) {
	m, err := h.NewModel()
	if err != nil {
		return nil, err
	}
	r := h.rules[rule]
	f := &reports.Finding{
		System: h.Name, Start: "root f0, pinned; " + strings.Join(h.o.Memory, ", "),
		Rule: r.ID, Says: r.Says, Source: r.Source,
	}
	broken := -1
	for i, c := range path {
		f.Calls = append(f.Calls, m.OpText(c))
		if i == len(path)-1 {
			f.Before = m.tables()
		}
		o := m.Apply(c)
		if o.Kind == explore.Violated {
			broken = int(o.Rule)
		} else if o.Kind != explore.Moved || broken >= 0 {
			return nil, fmt.Errorf("system: %s: the path ends early, at operation %d", h.Name, i+1)
		}
		m.saved.CopyFrom(m.s)
	}
	f.After = m.tables()
	if broken < 0 {
		broken = m.judge.State(m.s)
	}
	if broken != rule {
		return nil, fmt.Errorf("system: %s: the path does not break %s", h.Name, r.ID)
	}
	f.Detail = m.detail()
	return f, nil
}

// detail says where the last violation is.
func (m *HostileModel) detail() string {
	d := m.judge.Detail
	return fmt.Sprintf("frame %d, table %d, slot %d, entry %s, address %#x", d.Frame, d.Table, d.Slot, m.sys.entryText(model.Entry(d.Got)), uint64(d.VA))
}

// tables lists all frames with what the hypervisor uses them as.
func (m *HostileModel) tables() []reports.Table {
	var out []reports.Table
	for f := range model.Frame(m.s.L.Map.Frames()) {
		i := m.s.Info(f)
		t := reports.Table{Frame: fmt.Sprintf("f%d", f), Role: fmt.Sprintf("%v x%d of %d", i.Typ, i.T, i.G)}
		if i.T == 0 {
			t.Role = fmt.Sprintf("unused, %d references", i.G)
		}
		for _, word := range [...]struct {
			set  bool
			text string
		}{
			{i.Is(model.Pinned), " pinned"}, {i.Is(model.Partial), fmt.Sprintf(" unfinished at %d", i.NrValid)},
			{f == m.s.CPU.CR3, " (CR3)"}, {f == m.s.CPU.UserCR3, " (user root)"}, {f == m.s.Pending(), " (waits to be released)"},
		} {
			if word.set {
				t.Role += word.text
			}
		}
		for slot, w := range m.s.Words(f) {
			if w != 0 {
				t.Entries = append(t.Entries, reports.Entry{Slot: slot, Text: m.sys.entryText(model.Entry(w))})
			}
		}
		out = append(out, t)
	}
	return out
}
