package all

import (
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// TestEarlySystemsHold searches the systems of later kernels until nothing is new.
// The numbers are what the searches found when the systems were made.
func TestEarlySystemsHold(t *testing.T) {
	for _, x := range []struct {
		system              string
		states, transitions uint64
		diameter            int
	}{
		{"buffer", 4726, 20192, 17},
		{"topdown", 3086, 13902, 20},
	} {
		s, err := New(x.system, kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := search(t, s, 0)
		for _, f := range r.Findings {
			how, calls := replayed(s, f)
			t.Errorf("%s from %s: %s by %q", x.system, s.Inits[f.Init].Name, how, calls)
		}
		if !r.Complete || r.States != x.states || r.Transitions != x.transitions || r.Diameter != x.diameter {
			t.Errorf("%s: complete %t, %d states, %d transitions, diameter %d; want %d, %d, %d", x.system,
				r.Complete, r.States, r.Transitions, r.Diameter, x.states, x.transitions, x.diameter)
		}
		for i, rule := range s.Rules() {
			if r.Counters[int(model.NumCalls)+i] == 0 {
				t.Errorf("%s: rule %s was never exercised", x.system, rule.ID)
			}
		}
		for k := model.CallKind(1); k < model.NumCalls; k++ {
			if (r.Counters[k] > 0) != s.Speaks(k) {
				t.Errorf("%s: %v was called %d times, part of the protocol: %t", x.system, k, r.Counters[k], s.Speaks(k))
			}
		}
	}
}

// bootWhole carries out every enabled call, first ones first, until construction is
// done. Ranges are mapped as the kernel would.
func bootWhole(t *testing.T, m *kernel.Model) {
	t.Helper()
	for m.State().Kernel.Phase != model.PhaseDone {
		calls := m.Calls(nil)
		last := kernel.CallOf(calls[len(calls)-1])
		for i := len(calls) - 1; i >= 0; i-- {
			if k := kernel.CallOf(calls[i]).Kind; k != model.CallAllocPage && k != model.CallKmap && k != model.CallEarlyRemap && k != model.CallFreeP2M {
				last = kernel.CallOf(calls[i])
				break
			}
		}
		if o := m.Apply(last.Code()); o.Kind != 0 {
			t.Fatalf("%s: %v: %+v", m.Sys.Inits[m.Origin()].Name, last, o)
		}
	}
}

// translations are the pages of the direct map.
func translations(s *model.State) (pages []model.Frame) {
	g := s.L.Geo
	for va := s.L.Kernel.PageOffset; va != s.L.Early.DirectEnd; va = g.Wrap(va + model.PageSize) {
		tr, fault := s.Walk(va)
		if fault != model.WalkOK {
			tr.Frame = model.NoFrame
		}
		pages = append(pages, tr.Frame)
	}
	return pages
}

// TestBackendsMapTheSame boots every guest, and the same machine without Xen:
// afterwards the direct map leads to the same frames.
func TestBackendsMapTheSame(t *testing.T) {
	for _, name := range []string{"buffer", "topdown"} {
		var got [2][][]model.Frame
		for bare := range got {
			s, err := New(name, kernel.Options{Early: func(c *kernel.EarlyStart) {
				c.PSE, c.PGE, c.NX, c.Extra, c.List = false, false, false, model.FrameRange{}, 0
				if c.Ranges != nil {
					last := &c.Ranges[len(c.Ranges)-1]
					last.To = c.RAM[len(c.RAM)-1].To
				}
				if bare == 1 {
					c.Profile = nil
					return
				}
				c.P2M = boot.Reversed
			}})
			if err != nil {
				t.Fatal(err)
			}
			m := s.NewModel()
			guests := 0
			for i := range s.Inits {
				m.Init(i)
				bootWhole(t, m)
				if m.State().L.Hyper != nil {
					guests++
				}
				got[bare] = append(got[bare], translations(m.State()))
			}
			if (guests > 3) != (bare == 0) {
				t.Errorf("%s: %d guests", name, guests)
			}
		}
		for i := range got[0] {
			for page := range got[0][i] {
				if got[0][i][page] != got[1][i][page] {
					t.Errorf("%s, member %d, page %d: frame %d under Xen, %d without", name, i, page, got[0][i][page], got[1][i][page])
				}
			}
		}
	}
}

// TestMappingIsIdempotent maps every range a second time once all is done: no entry
// changes and no table is taken. Left out are 64-bit guests of 2.6.39, which cannot,
// see the mutant latest-table; and large pages top-down, where the steps were other
// pieces.
func TestMappingIsIdempotent(t *testing.T) {
	for _, name := range []string{"buffer", "topdown"} {
		s, err := New(name, kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := s.NewModel()
		for i, init := range s.Inits {
			m.Init(i)
			bootWhole(t, m)
			e := m.State().L.Early
			if init.State.L.Hyper != nil && m.State().L.Geo.SignExtend && !e.TopDown || e.TopDown && m.State().L.Kernel.HasPSE {
				continue
			}
			ranges := e.RAM
			if !e.TopDown {
				// Mapping a range clears what follows in its last tables.
				ranges = e.Ranges[len(e.Ranges)-1:]
			}
			// The setter of construction, as at the first time.
			if init.State.L.Hyper != nil {
				m.State().Kernel.SetPTE, m.State().Kernel.AllocPT = model.VariantInit, model.VariantInit
			}
			m.Machine.Run(func() { m.Machine.FlushTLB() }) // mapping ends with a flush, too
			before := m.Encode(nil)
			died := m.Machine.Run(func() {
				for _, r := range ranges {
					hooks.MapRange(&m.Kernel, r)
				}
			})
			if died != nil {
				t.Errorf("%s: %s: %v", name, init.Name, died)
			} else if string(before) != string(m.Encode(nil)) {
				t.Errorf("%s: %s: mapping again changes something", name, init.Name)
			}
		}
	}
}

// TestEarlyScenario replays a path as a scenario file.
func TestEarlyScenario(t *testing.T) {
	for _, name := range []string{"buffer", "topdown"} {
		s, err := New(name, kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := s.NewModel()
		for i := range s.Inits {
			m.Init(i)
			var path []kernel.Call
			for range 16 {
				calls := m.Calls(nil)
				c := kernel.CallOf(calls[(len(path)*7+i)%len(calls)])
				if got, err := kernel.ParseCall(c.String()); err != nil || got != c {
					t.Errorf("%v reads as %+v, %v", c, got, err)
				}
				path = append(path, c)
				m.Apply(c.Code())
			}
			f, err := script.Parse("path", s.Scenario(i, path, "a path"))
			if err != nil {
				t.Fatal(err)
			}
			play, err := Run(f, kernel.Options{})
			if err != nil || play.Failed || len(play.Path) != len(path) {
				t.Fatalf("%s: %v, %+v", s.Inits[i].Name, err, play)
			}
		}
	}
}

// TestEarlyReportNamesPlaces explains a crash of a later guest: the report says
// where its memory has its places.
func TestEarlyReportNamesPlaces(t *testing.T) {
	s, err := New("buffer", kernel.Options{Levels: []int{4}, Patch: func(o *hooks.Ops, _ *hooks.Funcs) {
		o.Early.MemorySetup = func(k *hooks.Kernel) { k.M.Bug("memory_setup", model.OK) }
	}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Explain(1, []kernel.Call{{Kind: model.CallSetupStart}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"f40 to f47 a hole", "f55 to f56 memory to be ballooned up", "f1 root (swapper_pg_dir)"} {
		if !slices.Contains(f.Frames, want) {
			t.Errorf("%q is not among %q", want, f.Frames)
		}
	}
}
