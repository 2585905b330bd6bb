package show

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// mark is a number for what a frame or an address looks like: cheap enough to be looked at
// in each of the hundred thousand moments of a recorded boot.
type mark struct {
	of   func(st *model.State) uint64
	last uint64
	some bool
}

// changed reports whether the mark is another one than when it was looked at last.
func (m *mark) changed(st *model.State) bool {
	now := m.of(st)
	differs := !m.some || now != m.last
	m.last, m.some = now, true
	return differs
}

// large reports whether a machine is of real size: a watch looks at memory alone then, and
// does not look again at each moment for what frames are used as.
func large(st *model.State) bool {
	return st.L.Geo.Words() >= model.PageSize/8 && st.L.Hyper == nil && st.L.Kernel.MaxLowPFN == 0
}

// markOf is a mark of what a frame holds.
func markOf(st *model.State, f model.Frame) uint64 {
	var h uint64
	for i, w := range st.Words(f) {
		if w != 0 {
			h = mix(h, uint64(i), w)
		}
	}
	return h
}

// mix takes a word at a place into a mark (the finaliser of splitmix64).
func mix(h, at, w uint64) uint64 {
	x := h ^ w + 0x9e3779b97f4a7c15*(at+1)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// markWalks is a mark of the entries that an address leads through under each root.
func markWalks(st *model.State, va model.VA) uint64 {
	var h uint64
	for n, r := range roots(st) {
		for _, p := range wayOf(st, r, va) {
			h = mix(h, uint64(n)<<32|uint64(p.slot), uint64(p.frame)<<48^uint64(st.Entry(r.geo, p.frame, p.slot)))
		}
	}
	return h
}

// place is a slot of a table.
type place struct {
	frame model.Frame
	slot  int
}

// wayOf are the entries that an address leads through under a root.
func wayOf(st *model.State, r root, va model.VA) (way []place) {
	if !r.geo.Canonical(va) {
		return nil
	}
	f := r.frame
	for level := r.geo.Levels; f != model.NoFrame; level-- {
		slot := r.geo.Index(va, level)
		if slot >= r.geo.Slots[level] {
			return way
		}
		if level == r.geo.Levels && r.frame == st.CPU.CR3 {
			slot += st.CPU.RootSlot
		}
		way = append(way, place{f, slot})
		e := st.Entry(r.geo, f, slot)
		if !e.Is(model.Present) || level == 1 || level <= r.geo.Large && e.Is(model.PSE) {
			return way
		}
		f = st.L.Map.Frame(e.MFN())
	}
	return way
}

// until goes on to the next moment at which a frame or an address has changed.
func (s *Session) until(args []string) error {
	if len(args) == 2 && args[1] != "changes" {
		return fmt.Errorf("until: usage: until FRAME|ADDRESS [changes]")
	}
	w, err := s.newWatch(args[0])
	if err != nil {
		return err
	}
	to := -1
	_, err = s.file.Play(systems.PlayOptions{Watch: &visitor{last: -1, see: func(i int, _ *moment, st *model.State) {
		if to < 0 && i >= s.at && w.changed(st) && i > s.at {
			to = i
		}
	}, enough: func() bool { return to >= 0 }}})
	switch {
	case err != nil:
		return err
	case to < 0:
		return fmt.Errorf("%s does not change any more", args[0])
	}
	return s.move(to)
}

// who tells which moments last changed the entries that an address leads through.
func (s *Session) who(args []string) error {
	var va model.VA
	var way []place
	var top root
	if err := s.look(func(st *model.State) error {
		var err error
		if va, err = s.file.Scenario.Names().Address(st, args[0]); err == nil {
			top = roots(st)[0]
			way = wayOf(st, top, va)
		}
		return err
	}); err != nil {
		return err
	}
	last := make([]int, len(way))
	was := make([]model.Entry, len(way))
	text := make([]string, len(way))
	err := s.visit(s.at, func(i int, _ *moment, st *model.State) {
		for n, p := range way {
			e := st.Entry(st.L.Geo, p.frame, p.slot)
			if i == 0 || e != was[n] {
				last[n], was[n] = i, e
			}
			if i == s.at {
				text[n] = fmt.Sprintf("L%d %s[%d]  %s", top.geo.Levels-n, s.frameName(st, p.frame), p.slot, s.entryText(st, e))
			}
		}
	})
	if err != nil {
		return err
	}
	for n := range way {
		s.say("%s", text[n])
		s.print("  ", &s.moments[last[n]])
	}
	if len(way) == 0 {
		s.say("%#x leads nowhere", uint64(va))
	}
	return nil
}
