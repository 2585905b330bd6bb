package boot_test

import (
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/xen"
)

// TestEarlySystemsHold searches the systems of later kernels until nothing is new.
// The numbers are what the searches found when the systems were made.
func TestEarlySystemsHold(t *testing.T) {
	for _, x := range []struct {
		system              *kernel.Backend
		states, transitions uint64
		diameter            int
	}{
		{boot.Buffer(), 5828, 24760, 17},
		{boot.TopDown(), 3188, 14148, 20},
	} {
		s := kerneltest.New(t, x.system, kernel.Options{})
		r := kerneltest.Search(t, s, 0)
		kerneltest.NothingFound(t, s, r)
		if !r.Complete || r.States != x.states || r.Transitions != x.transitions || r.Diameter != x.diameter {
			t.Errorf("%s: complete %t, %d states, %d transitions, diameter %d; want %d, %d, %d", s.Name,
				r.Complete, r.States, r.Transitions, r.Diameter, x.states, x.transitions, x.diameter)
		}
		for i, rule := range s.Rules() {
			if r.Counters[int(model.NumCalls)+i] == 0 {
				t.Errorf("%s: rule %s was never exercised", s.Name, rule.ID)
			}
		}
		for k := model.CallKind(1); k < model.NumCalls; k++ {
			if (r.Counters[k] > 0) != s.Speaks(k) {
				t.Errorf("%s: %v was called %d times, part of the protocol: %t", s.Name, k, r.Counters[k], s.Speaks(k))
			}
		}
	}
}

// roomy reports whether a machine has memory for a whole boot.
func roomy(i *kernel.Init) bool { return i.Panic == "" && !i.State.L.Early.Brim }

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
			t.Fatalf("%s: %v: %+v", m.State().L.Geo.Name, last, o)
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
	for _, b := range []*kernel.Backend{boot.Buffer(), boot.TopDown()} {
		var got [2][][]model.Frame
		for bare := range got {
			s := kerneltest.New(t, b, kernel.Options{Change: systems.Change{Early: func(c *systems.EarlyStart) {
				c.PSE, c.PGE, c.NX, c.Extra, c.List = false, false, false, model.FrameRange{}, 0
				if c.Ranges != nil {
					last := &c.Ranges[len(c.Ranges)-1]
					last.To = c.RAM[len(c.RAM)-1].To
				}
				if bare == 1 {
					c.Profile = nil
					return
				}
				c.P2M = func(pfn, n int) int { return n - pfn }
			}}})
			m := s.NewModel()
			guests := 0
			for i := range s.Inits {
				if !roomy(&s.Inits[i]) {
					continue
				}
				m.Init(i)
				bootWhole(t, m)
				if m.State().L.Hyper != nil {
					guests++
				}
				got[bare] = append(got[bare], translations(m.State()))
			}
			if (guests > 3) != (bare == 0) {
				t.Errorf("%s: %d guests", b.Name, guests)
			}
		}
		for i := range got[0] {
			for page := range got[0][i] {
				if got[0][i][page] != got[1][i][page] {
					t.Errorf("%s, member %d, page %d: frame %d under Xen, %d without", b.Name, i, page, got[0][i][page], got[1][i][page])
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
	for _, b := range []*kernel.Backend{boot.Buffer(), boot.TopDown()} {
		s := kerneltest.New(t, b, kernel.Options{})
		m := s.NewModel()
		for i, init := range s.Inits {
			if !roomy(&init) {
				continue
			}
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
			ops := native.EarlyOps()
			if init.State.L.Hyper != nil {
				ops = xen.EarlyOps()
			}
			k := hooks.New(model.NewMachine(m.State()), &ops)
			k.M.Run(func() { k.M.FlushTLB() }) // mapping ends with a flush, too
			before := m.Encode(nil)
			died := k.M.Run(func() {
				for _, r := range ranges {
					hooks.MapRange(k, r)
				}
			})
			if died != nil {
				t.Errorf("%s: %s: %v", b.Name, init.Name, died)
			} else if string(before) != string(m.Encode(nil)) {
				t.Errorf("%s: %s: mapping again changes something", b.Name, init.Name)
			}
		}
	}
}

// TestEarlyScenario writes paths as scenario files, reads them and plays them.
func TestEarlyScenario(t *testing.T) {
	for _, b := range []*kernel.Backend{boot.Buffer(), boot.TopDown()} {
		s := kerneltest.New(t, b, kernel.Options{})
		m := s.NewModel()
		for i, init := range s.Inits {
			if !roomy(&init) {
				continue
			}
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
			played := playAgain(t, b, init.Name, path)
			// Two lines precede the calls.
			if played.Verdict.Fails() || len(played.Answers) != 2+len(path) {
				t.Errorf("%s: %+v", init.Name, played)
			}
		}
	}
}

// playAgain writes calls as a scenario file, reads that and plays it.
func playAgain(t *testing.T, b *kernel.Backend, start string, path []kernel.Call) *systems.Play {
	t.Helper()
	written, err := b.Scenario(kernel.Bounds{}, start, path, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := script.Parse("path", written.Body())
	if err != nil {
		t.Fatal(err)
	}
	read, err := b.Read(f, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	played, err := read.Play(systems.PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return played
}

// TestEarlyReportNamesPlaces explains a crash of a later guest: the report says
// where its memory has its places.
func TestEarlyReportNamesPlaces(t *testing.T) {
	b := boot.Buffer()
	guest := kerneltest.New(t, b, kernel.Options{Levels: []int{4}}).Inits[1].Name
	x, err := b.Scenario(kernel.Bounds{}, guest, []kernel.Call{{Kind: model.CallSetupStart}}, systems.Change{Kernel: func(o *hooks.Ops, _ *hooks.Funcs) {
		o.Early.MemorySetup = func(k *hooks.Kernel) { k.M.Bug("memory_setup", model.OK) }
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := x.Play(systems.PlayOptions{Report: true})
	if err != nil || p.Finding == nil {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, want := range []string{"f40 to f47 a hole", "f55 to f56 memory to be ballooned up", "f1 root (swapper_pg_dir)"} {
		if !slices.Contains(p.Finding.Frames, want) {
			t.Errorf("%q is not among %q", want, p.Finding.Frames)
		}
	}
}
