package life

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// lifeMoves lists the calls of life after boot that are possible in a state.
type lifeMoves struct {
	s   *model.State
	l   *model.Life
	cpu int
	low int // free frames of low memory
	dst []uint64
}

// lifeCalls appends the codes of the calls that each processor may make.
func lifeCalls(dst []uint64, s *model.State) []uint64 {
	m := movesOf(s, 0)
	m.dst = dst
	for m.cpu = range s.Processors() {
		m.calls()
	}
	return m.dst
}

// movesOf are the moves of a processor in a state, none listed yet.
func movesOf(s *model.State, cpu int) lifeMoves {
	low, _ := s.Available()
	return lifeMoves{s: s, l: &s.Kernel.Life, cpu: cpu, low: low}
}

func (m *lifeMoves) add(k model.CallKind, n, page int) {
	if m.s.L.Life.Calls>>k&1 != 0 {
		c := kernel.LifeCall(k, n, page)
		c.CPU = uint8(m.cpu)
		m.dst = append(m.dst, c.Code())
	}
}

func (m *lifeMoves) calls() {
	if m.l.Suspended {
		m.add(model.CallResume, -1, 0)
		return
	}
	if m.l.CPU[m.cpu].Lazy == model.LazyMMU {
		m.inLazy()
		return
	}
	m.processes()
	for page := range m.s.L.Life.Pages {
		m.pages(page)
	}
	m.kernelPart()
	m.platform()
}

// Frames that things need at most: the tables for one page, and a root with what
// comes with it.
func (m *lifeMoves) tables() int { return [...]int{2: 1, 3: 1, 4: 3}[m.s.L.Geo.Levels] }
func (m *lifeMoves) root() int   { return [...]int{2: 1, 3: 3, 4: 2}[m.s.L.Geo.Levels] }

// current is the process that the processor runs, -1 if it runs none or borrows
// the tables of one that has ended.
func (m *lifeMoves) current() int {
	n := int(m.l.CPU[m.cpu].Current)
	if n >= 0 && !m.l.MM[n].Ready {
		return -1
	}
	return n
}

func (m *lifeMoves) processes() {
	s, cur, vacant := m.s, m.current(), false
	for n := range s.L.Life.MMs {
		mm := &m.l.MM[n]
		switch {
		case mm.Root == model.NoFrame:
			vacant = true
			continue
		case mm.Dead:
			continue
		case !mm.Ready:
			for page := range s.L.Life.Pages {
				if m.low > m.tables() && m.inReach(n, page) && m.leaf(n, page) == 0 {
					m.add(model.CallMMPopulate, n, page)
				}
			}
			m.add(model.CallMMActivate, n, 0)
		case n != int(m.l.CPU[m.cpu].Current):
			m.add(model.CallMMSwitch, n, 0)
		}
		m.add(model.CallMMExit, n, 0)
	}
	if m.l.CPU[m.cpu].Current >= 0 {
		m.add(model.CallMMSwitch, -1, 0)
	}
	pages := len(s.L.Life.Pages)
	if vacant && m.low >= m.root() {
		m.add(model.CallMMAlloc, -1, 0)
	}
	if vacant && cur >= 0 && int(m.l.LDT) != cur && m.low >= m.root()+pages*m.tables() {
		m.add(model.CallMMFork, -1, 0)
	}
}

// inReach reports whether a page lies in the address space of a process: a 32-bit
// task's is smaller.
func (m *lifeMoves) inReach(n, page int) bool {
	lm := m.s.L.Life
	return n != lm.Small || lm.Pages[page] < lm.TaskSize
}

// leaf is the leaf entry of a page of a process, 0 if there is none.
func (m *lifeMoves) leaf(n, page int) model.Entry {
	t, _ := m.s.WalkFrom(m.s.L.Geo, m.l.MM[n].Root, m.s.L.Life.Pages[page])
	if t.Level != 1 {
		return 0
	}
	return t.Entry
}

func (m *lifeMoves) pages(page int) {
	for n := range m.s.L.Life.MMs {
		if mm := &m.l.MM[n]; mm.Root != model.NoFrame && !mm.Dead && m.leaf(n, page).Is(model.Present) {
			m.add(model.CallSwapOut, n, page)
		}
	}
	n := m.current()
	if n < 0 || !m.inReach(n, page) {
		return
	}
	e := m.leaf(n, page)
	if !noRights(e) && m.low > m.tables() {
		m.add(model.CallTouch, -1, page)
	}
	if e != 0 {
		m.add(model.CallUnmap, -1, page)
	}
	m.protect(e, page)
}

// noRights reports whether an entry keeps its page and grants nothing, by one mark or the
// other (_PAGE_PROTNONE).
func noRights(e model.Entry) bool {
	return !e.Is(model.Present) && e&(model.PSE|model.Global) != 0
}

func (m *lifeMoves) protect(e model.Entry, page int) {
	switch {
	case e.Is(model.Present):
		m.add(model.CallProtNone, -1, page)
	case noRights(e):
		m.add(model.CallUnprotect, -1, page)
	}
}

// inLazy are the calls inside a lazy section: changes of entries that wait for
// nothing, each entry once, and an interrupt that touches the vmalloc area.
func (m *lifeMoves) inLazy() {
	m.add(model.CallLazyLeave, -1, 0)
	if m.l.VPage != model.NoFrame {
		m.add(model.CallVTouch, -1, 0)
	}
	if n := m.current(); n >= 0 && m.l.CPU[m.cpu].Queued == 0 {
		for page := range m.s.L.Life.Pages {
			m.protect(m.leaf(n, page), page)
		}
	}
}

func (m *lifeMoves) kernelPart() {
	free := m.l.LDT < 0 && len(m.s.GDT) == 0
	switch {
	case m.l.VPage == model.NoFrame && m.low > m.tables():
		m.add(model.CallVmalloc, -1, 0)
		m.add(model.CallVArea, -1, 0)
	case m.l.VPage != model.NoFrame:
		if free {
			m.add(model.CallVfree, -1, 0)
		}
		m.add(model.CallVTouch, -1, 0)
	}
	m.add(model.CallVSync, -1, 0)
	low, all := m.s.Available()
	switch {
	case m.l.KmapCount == 2:
		m.add(model.CallKunmapHigh, -1, 0)
	case all > low:
		m.add(model.CallKmapHigh, -1, 0)
	}
}

func (m *lifeMoves) platform() {
	cur := m.current()
	if cur >= 0 {
		m.add(model.CallLazyEnter, -1, 0)
	}
	switch hyper := m.s.L.Hyper != nil; {
	case m.l.VPage == model.NoFrame || len(m.s.GDT) > 0:
	case m.l.LDT < 0:
		// A GDT lies in a processor's own area, whose pages are of low memory.
		lowmem := model.PFN(m.l.VPage) < m.s.L.Kernel.MaxLowPFN
		if _, fault := m.s.Walk(m.s.L.Life.Vmalloc); hyper && lowmem && fault == model.WalkOK {
			m.add(model.CallGDTLoad, -1, 0)
		}
		if cur >= 0 {
			m.add(model.CallLDTLoad, -1, 0)
		}
	case int(m.l.LDT) == cur:
		m.add(model.CallLDTFree, -1, 0)
	}
	if m.s.LDT.Entries > 0 {
		m.add(model.CallLDTUse, -1, 0)
	}
	if m.s.L.Hyper != nil {
		m.add(model.CallSuspend, -1, 0)
	}
}
