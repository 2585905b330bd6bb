package recorded

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// survey is what a recording says as a whole, before it is judged.
type survey struct {
	direct invariants.DirectVotes
	// Of a guest: which frames of memory are its own, and what tables held when they were
	// first seen.
	frames []model.MFN
	later  map[uint64][]contents
	// updates are the lines at which the guest asked for an entry to be changed.
	updates map[placeOf][]int
	// owned says that the hypervisor's own records say whose frames are.
	owned bool
}

// contents are the entries of a table as it came into use.
type contents struct {
	line    int
	entries []slotEntry
}

type slotEntry struct {
	slot int
	e    model.Entry
}

// lowest is the first frame of memory that a domain can own: the hardware domain has what
// lies below as a device has it.
const lowest = 1 << 20 >> model.PageShift

// maxSurveyed bounds what is kept of tables, in entries.
const maxSurveyed = 1 << 24

// look reads a recording for its survey.
func look(name string, open Opener) (*survey, error) {
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r, err := kernel.NewReader(name, in)
	if err != nil {
		return nil, err
	}
	s := &surveyor{survey: survey{later: map[uint64][]contents{}, updates: map[placeOf][]int{}}, seen: map[model.MFN]bool{}, ram: about(&r.Header).RAM}
	if isGuest(&r.Header) {
		s.m = newMachine(r, 0, func(*invariants.TraceFinding) {})
		s.m.trace.Mute()
	}
	levels := 0
	var e kernel.Event
	for {
		err := r.Next(&e)
		switch {
		case errors.Is(err, io.EOF):
			return s.done(), nil
		case err == nil && s.m != nil:
			err = s.guestEvent(r, &e)
		}
		if err != nil {
			return nil, err
		}
		switch {
		case e.Kind == kernel.Mode:
			levels = e.Level
		case e.Kind == kernel.Store && e.Level > 0:
			s.direct.Add(levels, model.VA(e.VA), model.MFN(e.Frame))
		}
	}
}

// done is the survey.
func (s *surveyor) done() *survey {
	for n := range s.seen {
		s.frames = append(s.frames, n)
	}
	slices.Sort(s.frames)
	return &s.survey
}

// guestEvent takes in an event of a guest.
func (s *surveyor) guestEvent(r *kernel.Reader, e *kernel.Event) error {
	if err := s.m.event(e); err != nil {
		return err
	}
	s.event(e)
	if s.kept > maxSurveyed {
		return r.Errorf("the recording has more tables than this ptcheck reads")
	}
	return nil
}

// updated reports whether the guest asked for an entry to be changed between two lines.
func (s *survey) updated(at placeOf, from, to int) bool {
	list := s.updates[at]
	i, _ := slices.BinarySearch(list, from)
	return i < len(list) && list[i] < to
}

// surveyor makes a survey. The guest's tables are those that hang on the root that is loaded
// at its first hypercall, and what it names from then on; the hypervisor's are not.
type surveyor struct {
	survey
	m      *machine
	seen   map[model.MFN]bool
	ram    []model.FrameRange
	begun  bool
	starts bool // the records that follow are of the start
	table  kernel.Event
	kept   int
}

// event takes in an event.
func (s *surveyor) event(e *kernel.Event) {
	switch e.Kind {
	case kernel.Table:
		s.table = *e
		s.later[e.Frame] = append(s.later[e.Frame], contents{line: e.Line})
	case kernel.Run:
		s.run(e)
	case kernel.Records:
		s.starts = e.Point == kernel.AtStart
	case kernel.FrameRecord:
		s.record(e)
	case kernel.Store:
		s.entry(e.Frame, e.Level, e.Slot, model.Entry(e.New))
	case kernel.Update:
		s.leaf(model.Entry(e.New))
		s.name(model.MFN(e.Ptr >> model.PageShift))
		at := placeOf{e.Ptr >> model.PageShift, int(e.Ptr&(model.PageSize-1)) / 8}
		s.updates[at] = append(s.updates[at], e.Line)
		s.kept++
	case kernel.Hypercall, kernel.Entry:
		if !s.begun {
			s.begin()
		}
		if e.Number == hypercall.UpdateVA {
			s.leaf(model.Entry(e.Args[1]))
		}
	case kernel.Extended:
		if e.Cmd <= hypercall.NewBaseptr || e.Cmd >= hypercall.UserBaseptr {
			s.name(model.MFN(e.Args[0]))
		}
	}
}

// run takes in entries of a table that has come into use.
func (s *surveyor) run(e *kernel.Event) {
	list := s.later[s.table.Frame]
	if len(list) == 0 {
		return
	}
	c := &list[len(list)-1]
	for i := range e.Count {
		now := model.Entry(e.New + uint64(i)*e.Stride)
		c.entries = append(c.entries, slotEntry{e.Slot + i, now})
		s.entry(s.table.Frame, s.table.Level, e.Slot+i, now)
	}
	s.kept += e.Count
}

// begin takes in the tables that the guest begins with.
func (s *surveyor) begin() {
	s.begun = true
	visited := map[model.Frame]bool{}
	var walk func(f model.Frame, level int)
	walk = func(f model.Frame, level int) {
		if visited[f] {
			return
		}
		visited[f] = true
		n := s.m.s.L.Map.MFN(f)
		s.name(n)
		for slot := range s.m.s.L.Geo.Slots[level] {
			e := s.m.s.Entry(s.m.s.L.Geo, f, slot)
			s.entry(uint64(n), level, slot, e)
			c := s.m.s.L.Map.Frame(e.MFN())
			if level > 1 && e.Is(model.Present) && !isXenSlot(level, slot) && c != model.NoFrame && s.m.trace.Level(c) == level-1 {
				walk(c, level-1)
			}
		}
	}
	if root := s.m.s.CPU.CR3; root != model.NoFrame && s.m.levels == 4 {
		walk(root, 4)
	}
}

// entry takes in an entry of a table: what it names is the guest's if the table is.
func (s *surveyor) entry(table uint64, level, slot int, e model.Entry) {
	if s.seen[model.MFN(table)] && !isXenSlot(level, slot) {
		s.leaf(e)
	}
}

// isXenSlot reports whether a slot of a table of a level is Xen's.
func isXenSlot(level, slot int) bool {
	return level == 4 && slot >= firstXenSlot && slot <= lastXenSlot
}

// leaf takes in an entry that the guest has made: the frame that it names.
func (s *surveyor) leaf(e model.Entry) {
	if e.Is(model.Present) {
		s.name(e.MFN())
	}
}

// record takes in whose frames are at the start.
func (s *surveyor) record(e *kernel.Event) {
	s.owned = s.owned || s.starts
	if !s.starts || !ownedByGuest(e) || s.kept+e.Count > maxSurveyed {
		return
	}
	s.kept += e.Count
	for i := range e.Count {
		s.name(model.MFN(e.Frame) + model.MFN(i))
	}
}

// name takes in the number of a frame.
func (s *surveyor) name(n model.MFN) {
	i, _ := slices.BinarySearchFunc(s.ram, n, func(r model.FrameRange, n model.MFN) int { return cmp.Compare(model.MFN(r.To), n+1) })
	if n >= lowest && i < len(s.ram) && s.ram[i].Has(model.PFN(n)) {
		s.seen[n] = true
	}
}
