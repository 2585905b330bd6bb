package life

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// lifePairs appends the pairs of calls that two processors may make at the same
// time.
func lifePairs(dst []kernel.Call, s *model.State) []kernel.Call {
	low, _ := s.Available()
	m := lifeMoves{s: s, l: &s.Kernel.Life, low: low}
	pair := func(a, b kernel.Call) {
		if calls := s.L.Life.Calls; (calls>>a.Kind)&(calls>>b.Kind)&1 != 0 {
			a.Beside = kernel.Half{Kind: b.Kind, Arg: uint8(b.Arg)}
			dst = append(dst, a)
		}
	}
	vacant := false
	for n := range s.L.Life.MMs {
		mm := &m.l.MM[n]
		if mm.Root == model.NoFrame {
			vacant = true
		}
		if mm.Root == model.NoFrame || mm.Dead {
			continue
		}
		present := m.leaf(n, 0).Is(model.Present)
		swap := kernel.LifeCall(model.CallSwapOut, n, 0)
		if present {
			if !mm.Ready {
				pair(kernel.LifeCall(model.CallMMActivate, n, 0), swap)
			}
			pair(kernel.LifeCall(model.CallMMExit, n, 0), swap)
		}
		if mm.Ready {
			m.running(n, present, pair)
		}
	}
	if vacant && low >= m.root()+m.tables()+1 {
		if m.l.VPage == model.NoFrame {
			pair(kernel.LifeCall(model.CallMMAlloc, -1, 0), kernel.LifeCall(model.CallVArea, -1, 0))
		}
		pair(kernel.LifeCall(model.CallMMAlloc, -1, 0), kernel.LifeCall(model.CallVSync, -1, 0))
	}
	return dst
}

// running adds the pairs of a process that may run: what it does on one processor
// while the other swaps its page out, the same while another processor turns to it, and its end while the other processor, which
// borrows its tables, turns to something else.
func (m *lifeMoves) running(n int, present bool, pair func(a, b kernel.Call)) {
	swap := kernel.LifeCall(model.CallSwapOut, n, 0)
	if int(m.l.CPU[0].Current) == n && present {
		pair(kernel.LifeCall(model.CallTouch, -1, 0), swap)
		if m.vacant() && m.low >= m.root()+2*m.tables()+1 {
			pair(kernel.LifeCall(model.CallMMFork, -1, 0), swap)
		}
	}
	if int(m.l.CPU[1].Current) != n {
		if present {
			pair(swap, kernel.LifeCall(model.CallMMSwitch, n, 0))
		}
		return
	}
	pair(kernel.LifeCall(model.CallMMExit, n, 0), kernel.LifeCall(model.CallMMSwitch, -1, 0))
	for o := range m.s.L.Life.MMs {
		if o != n && m.l.MM[o].Ready {
			pair(kernel.LifeCall(model.CallMMExit, n, 0), kernel.LifeCall(model.CallMMSwitch, o, 0))
		}
	}
}

// vacant reports whether there can be one more process.
func (m *lifeMoves) vacant() bool {
	for n := range m.s.L.Life.MMs {
		if m.l.MM[n].Root == model.NoFrame {
			return true
		}
	}
	return false
}
