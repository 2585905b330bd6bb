package view

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// stepLog records the steps of a call for a report.
type StepLog struct {
	State *model.State
	Trail *Trail // tells the code under test
	deep  bool   // keep the state after each step that changes something
	now   reports.State

	Steps []reports.Step
	Site  *reports.Site // what carries out the call
	// refused is the last hypercall, if it was refused.
	refused *model.Step
	over    bool         // the call was at its end
	more    int          // steps that were left out
	from    *model.State // the state before them
	asides
}

// mostSteps is how many steps of a call a report tells one by one: more than any call
// takes that comes to an end, on machines that are searched.
const mostSteps = 1000

// begin starts the record of a call.
func (l *StepLog) Begin(deep bool) {
	l.deep, l.Steps, l.Site, l.refused = deep, []reports.Step{}, nil, nil
	l.over, l.more, l.from = false, 0, nil
	l.begin()
	if deep {
		l.now = Snapshot(l.State)
	}
}

// Step implements model.Observer.
func (l *StepLog) Step(_ *model.Machine, s *model.Step) {
	switch s.Op {
	case model.OpCallBegin:
		if at := l.Trail.Here(); l.Site == nil && len(at) > 0 {
			l.Site = &at[len(at)-1]
		}
		return
	case model.OpCallEnd:
		l.over = true
		return
	}
	l.over = false
	l.refused = nil
	l.stepped(s)
	if s.Errno != model.OK {
		copied := *s
		l.refused = &copied
	}
	if len(l.Steps) >= mostSteps {
		l.more++
		return
	}
	step := reports.Step{What: l.text(s), Value: l.value(s), Changes: l.changes(s), Stack: l.Trail.Here()}
	switch h := l.carried; {
	case h == nil:
	case h.call == 0: // steps are not counted
		step.What += ", which was held back"
	default:
		step.What += fmt.Sprintf(", held back in step %d of call %d", h.step, h.call)
	}
	if s.Op.Refusable() && l.State.L.Hyper != nil {
		step.Answer = s.Errno.String()
	}
	if l.deep {
		now := Snapshot(l.State)
		if d := reports.Compare(&l.now, &now); !d.Empty() {
			l.now, step.After = now, &now
		}
	}
	if l.Steps = append(l.Steps, step); len(l.Steps) == mostSteps {
		l.from = model.NewState(l.State.L)
		l.from.CopyFrom(l.State)
	}
}

// value is what a store wrote, where its text does not say it: an entry, or half of one.
func (l *StepLog) value(s *model.Step) string {
	if s.Op.Row().Memory != model.Stores || s.Op.Row().Unsaid&model.FieldValue == 0 || s.Width == 0 {
		return ""
	}
	if geometryOf(l.State, s.Frame).Width != s.Width {
		return fmt.Sprintf("%#x", s.Value)
	}
	return EntryText(l.State.L, model.Entry(s.Value))
}

// changes are those of a step. What a page held that was nobody's tells nothing when it
// is cleared.
func (l *StepLog) changes(s *model.Step) []reports.Change {
	if s.Op == model.OpClearPage && l.State.WasLitter(s.Frame) {
		return []reports.Change{}
	}
	return Changes(l.State)
}

// Stored is the code of the call that stored an entry last, if what was found wrong was
// found when the call was over; nil if it is not known.
func (l *StepLog) Stored(table model.Frame, slot int) *reports.Site {
	if !l.over || l.more > 0 {
		return nil
	}
	frame := FrameName(l.State.L, table)
	for i := len(l.Steps) - 1; i >= 0; i-- {
		for _, c := range l.Steps[i].Changes {
			if c.Frame == frame && c.Slot == slot {
				return reports.Telling(l.Steps[i].Stack)
			}
		}
	}
	return nil
}

// Close ends the record of a call: steps that were left out become one.
func (l *StepLog) Close() {
	if l.more == 0 {
		return
	}
	step := reports.Step{What: fmt.Sprintf("%d more steps", l.more), Changes: Differences(l.from, l.State), Stack: []reports.Site{}}
	if step.Changes == nil {
		step.Changes = []reports.Change{}
	}
	if l.deep && len(step.Changes) > 0 {
		now := Snapshot(l.State)
		step.After = &now
	}
	l.Steps = append(l.Steps, step)
}

// changes lists the entries that differ since the last commit, in the kernel's
// own geometry or in that which the CPU walks where tables are narrower.
func Changes(s *model.State) []reports.Change {
	out := []reports.Change{}
	var seen []model.Write
next:
	for w := range s.Writes {
		for _, o := range seen {
			if o.Frame == w.Frame && o.Word == w.Word {
				continue next // a word that changed again: its first value counts
			}
		}
		seen = append(seen, w)
		g := geometryOf(s, w.Frame)
		for i := range 8 / g.Width {
			old, now := half(g, w.Old, i), half(g, s.Word(w.Frame, w.Word), i)
			if old != now {
				out = append(out, reports.Change{
					Frame: FrameName(s.L, w.Frame), Slot: w.Word*8/g.Width + i,
					Old: EntryText(s.L, old), New: EntryText(s.L, now),
				})
			}
		}
	}
	return out
}

func half(g *model.Geometry, word uint64, i int) model.Entry {
	if g.Width == 8 {
		return model.Entry(word)
	}
	return model.Entry(uint32(word >> (32 * i)))
}

// text says what a step did, and where there are several processors, which one.
func (l *StepLog) text(s *model.Step) string {
	return l.onCPU(s.CPU, s.Text(l.State.L, Namer{L: l.State.L}))
}

// onCPU says of a text which processor it is about, where there are several.
func (l *StepLog) onCPU(cpu int, text string) string {
	if l.State.Processors() > 1 {
		return fmt.Sprintf("cpu%d %s", cpu, text)
	}
	return text
}
