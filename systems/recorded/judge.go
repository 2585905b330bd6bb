package recorded

import (
	"errors"
	"io"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Opener opens a recording, which is complete. It is called several times.
type Opener func() (io.ReadCloser, error)

// Judgement is the verdict on a recording.
type Judgement struct {
	Name   string
	Header kernel.Header
	Totals kernel.Totals
	// Rules are those that mean something for the kernel and the machine, in order.
	Rules []RuleCount
	// Findings are the broken rules, by what is told of each: of a rule the first one, and
	// a few in other functions.
	Findings []*reports.Finding
	// Frames is the number of frames that were tables at some time, counted as often as
	// they became tables.
	Frames uint64
	// Guest says what the model's hypervisor did, nil without one.
	Guest *GuestCounts
}

// RuleCount counts at how many events a rule applied and at how many it did not hold.
type RuleCount struct {
	Rule              *invariants.Rule
	Exercised, Broken uint64
}

// Complete reports whether the recorder missed nothing: its copy of all tables agreed with
// memory whenever they were compared.
func (j *Judgement) Complete() bool { return j.Totals.Of(kernel.TotalDifferences) == 0 }

// Judge reads a recording and judges every event. Errors are of type [kernel.Error] where
// the recording is at fault.
func Judge(name string, open Opener) (*Judgement, error) {
	first := &suspects{}
	r, m, err := replay(name, open, first)
	if err != nil {
		return nil, err
	}
	j := &Judgement{Name: name, Header: r.Header, Totals: r.Totals, Frames: m.adopted}
	rules := m.trace.Rules()
	for i := range rules {
		j.Rules = append(j.Rules, RuleCount{&rules[i], m.trace.Exercised[i], m.trace.Broken[i]})
	}
	if g := m.guest; g != nil {
		j.Rules = append(j.Rules, first.broken(g.guestTotals())...)
		j.Guest = &g.counts
	}
	if len(first.list) > 0 {
		j.Findings, err = explain(name, open, first.list, newSymbols(r), j)
	}
	return j, err
}

// replay carries out a recording.
func replay(name string, open Opener, found *suspects) (*kernel.Reader, *machine, error) {
	in, err := open()
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	r, err := kernel.NewReader(name, in)
	if err != nil {
		return nil, nil, err
	}
	known, err := look(name, open)
	if err != nil {
		return nil, nil, err
	}
	m := newMachine(r, known.direct.Base(), found.add)
	if isGuest(&r.Header) {
		m.guest = &xenGuest{native: m, known: known}
		m.guest.found = func(f *xenFinding) { found.addGuest(m.guest, f) }
	}
	return r, m, m.run()
}

// run carries out all events.
func (m *machine) run() error {
	var e kernel.Event
	for {
		err := m.r.Next(&e)
		if errors.Is(err, io.EOF) {
			m.end()
			return nil
		}
		if err == nil {
			err = m.event(&e)
		}
		if err != nil {
			return err
		}
	}
}

// suspect is a broken rule at an instruction, as it was first seen.
type suspect struct {
	rule  *invariants.Rule
	event invariants.TraceEvent
	line  int // at which it was noticed
	text  string
	d     invariants.Detail
	count uint64
}

// suspects are the broken rules by instruction.
type suspects struct {
	list []*suspect
}

// mostSuspects is how many instructions are told apart.
const mostSuspects = 256

// add takes in a broken rule.
func (l *suspects) add(f *invariants.TraceFinding) {
	f.Namer = names{f.State.L}
	l.take(&suspect{rule: f.Rule, event: f.Event, line: f.Noticed, text: f.Text(), d: f.Detail, count: 1})
}

// take takes in a suspect.
func (l *suspects) take(x *suspect) {
	for _, s := range l.list {
		if s.rule.ID == x.rule.ID && s.event.RIP == x.event.RIP {
			s.count++
			return
		}
	}
	if len(l.list) < mostSuspects {
		l.list = append(l.list, x)
	}
}

// broken fills in how often rules were broken.
func (l *suspects) broken(list []RuleCount) []RuleCount {
	for i := range list {
		for _, s := range l.list {
			if s.rule.ID == list[i].Rule.ID {
				list[i].Broken += s.count
			}
		}
	}
	return list
}
