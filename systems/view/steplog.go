package view

import (
	"fmt"
	"path"
	"reflect"
	"runtime"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// stepLog records the steps of a call for a report.
type StepLog struct {
	State *model.State
	deep  bool // keep the state after each step that changes something
	now   reports.State

	Steps []reports.Step
	Site  *reports.Site  // what carries out the call
	Died  []reports.Site // where the kernel was when it died
	// refused is the last hypercall, if it was refused.
	refused *model.Step
}

// begin starts the record of a call.
func (l *StepLog) Begin(deep bool) {
	l.deep, l.Steps, l.Site, l.refused = deep, []reports.Step{}, nil, nil
	if deep {
		l.now = Snapshot(l.State)
	}
}

// witness notes where the kernel was if it dies in a piece of its code. What ends
// on the other processor because of that says nothing.
func (l *StepLog) Witness(code func()) func() {
	return func() {
		defer func() {
			if r := recover(); r != nil {
				if l.Died == nil {
					l.Died = stack()
				}
				panic(r)
			}
		}()
		code()
	}
}

// Step implements model.Observer.
func (l *StepLog) Step(_ *model.Machine, s *model.Step) {
	switch s.Op {
	case model.OpCallBegin:
		if at := stack(); l.Site == nil && len(at) > 0 {
			l.Site = &at[len(at)-1]
		}
		return
	case model.OpCallEnd:
		return
	}
	l.refused = nil
	if s.Errno != model.OK {
		copied := *s
		l.refused = &copied
	}
	step := reports.Step{What: l.text(s), Changes: Changes(l.State), Stack: stack()}
	if s.Op.Refusable() && l.State.L.Hyper != nil {
		step.Answer = s.Errno.String()
	}
	if l.deep {
		now := Snapshot(l.State)
		if d := reports.Compare(&l.now, &now); !d.Empty() {
			l.now, step.After = now, &now
		}
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
	text := s.Text(l.State.L, Namer{L: l.State.L})
	if l.State.Processors() > 1 {
		text = fmt.Sprintf("cpu%d %s", s.CPU, text)
	}
	return text
}

// module is the path of this module.
func module() string {
	return strings.TrimSuffix(reflect.TypeFor[reports.Site]().PkgPath(), "/reports")
}

// stack lists the kernel code that is running, innermost first: what lies
// between the machine and the search, in this module.
func stack() []reports.Site {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	own, out := module()+"/", []reports.Site{}
	inside := false // beneath the machine
	for {
		f, more := frames.Next()
		name, ours := strings.CutPrefix(f.Function, own)
		switch {
		case !ours:
		case strings.HasPrefix(name, "model."):
			inside = true
		case name == "systems/kernel.Call.run":
			return out
		case strings.HasPrefix(name, "invariants."): // it only looks on
		case inside:
			out = append(out, site(name, f.File, f.Line))
		}
		if !more {
			return out
		}
	}
}

// site names a place of this module; function starts with the package's folder.
func site(function, file string, line int) reports.Site {
	base := path.Base(function)
	pkg, _, _ := strings.Cut(base, ".")
	return reports.Site{Function: base, File: path.Join(path.Dir(function), pkg, path.Base(file)), Line: line}
}

// siteOf is where a function is defined.
func SiteOf(fn any) *reports.Site {
	f := runtime.FuncForPC(reflect.ValueOf(fn).Pointer())
	file, line := f.FileLine(f.Entry())
	s := site(strings.TrimPrefix(f.Name(), module()+"/"), file, line)
	return &s
}
