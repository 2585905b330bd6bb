package life

import (
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// plainLife is the machines of life after boot, on one processor.
func plainLife(t *testing.T) *kernel.System {
	t.Helper()
	s, err := Both().New(kernel.Options{Themes: Themes(), Interrupts: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEveryCallClaims holds that somebody has said of each call what it keeps others from,
// other processors and interrupts: a new one needs a row in claimsOf.
func TestEveryCallClaims(t *testing.T) {
	m := movesOf(plainLife(t).Inits[0].State, 0)
	for k := model.CallMMAlloc; k < model.NumCalls; k++ {
		if m.claimsOf(kernel.LifeCall(k, 0, 0)).unsaid {
			t.Errorf("%v: nobody has said what it claims", k)
		}
	}
	x := m.claimsOf(kernel.LifeCall(model.NumCalls, 0, 0))
	if y := (claims{shared: machine}); !x.unsaid || !x.apart(y) || !x.meets(claims{about: vmallocPage}) {
		t.Errorf("a call that nobody knows claims %+v only", x)
	}
}

// area is the frame that the vmalloc area leads to in the kernel's tables, which its records
// have as well; 0 for none.
func area(s *model.State) model.MFN {
	w, fault := s.WalkFrom(s.L.Geo, model.Frame(s.L.Kernel.Root), s.L.Life.Vmalloc)
	if fault != model.WalkOK || s.Kernel.Life.VPage == model.NoFrame {
		return 0
	}
	return w.Entry.MFN() + 1
}

// TestInterrupted looks at every call that is possible near the starts of all machines. None
// that can be interrupted takes the area away that handlers use, and the others are those
// that have to do with it, or stop the machine.
func TestInterrupted(t *testing.T) {
	s := plainLife(t)
	m := s.NewModel()
	var kept, open, took []string
	note := func(list *[]string, k model.CallKind) {
		if !slices.Contains(*list, k.String()) {
			*list = append(*list, k.String())
		}
	}
	for init := range s.Inits {
		s.Survey(init, 300, func(st *model.State, way func() []kernel.Call) bool {
			before := area(st)
			if before == 0 {
				return true
			}
			calls := lifeCalls(nil, st)
			m.Init(init)
			for _, c := range way() {
				m.Apply(c.Code())
			}
			m.Decode(m.Encode(nil))
			for _, code := range calls {
				c := kernel.CallOf(code)
				can := interruptible(st, c)
				if can {
					note(&open, c.Kind)
				} else {
					note(&kept, c.Kind)
				}
				if o := m.Apply(code); o.Kind == explore.Moved && area(m.State()) != before {
					note(&took, c.Kind)
					if can {
						t.Errorf("%v takes the area away from an interrupt", c)
					}
				}
				m.Restore()
			}
			return true
		})
	}
	for _, list := range [][]string{kept, open, took} {
		slices.Sort(list)
	}
	if got, want := strings.Join(kept, " "), "gdt_load ldt_free ldt_load resume suspend vfree vmalloc_touch"; got != want {
		t.Errorf("not interrupted: %s; want %s", got, want)
	}
	if len(open) < 14 || !slices.Contains(took, "vfree") {
		t.Errorf("%d calls are interrupted: %v; the area goes with %v", len(open), open, took)
	}
}
