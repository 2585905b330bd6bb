package boot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// TestEveryStartBootsWhole boots each start of the day of 2007 in the kernel's own order, up to
// the end of the low mappings.
func TestEveryStartBootsWhole(t *testing.T) {
	for _, b := range []*kernel.Backend{boot.Native(), boot.Xen()} {
		s := kerneltest.New(t, b, kernel.Options{})
		m := s.NewModel()
		for i, init := range s.Inits {
			m.Init(i)
			calls := []string{"setup_start", "map_all", "range fixmap", "range pkmap", "setup_done", "load_root", "zap"}
			if !init.State.L.Kernel.Highmem {
				calls = slices.DeleteFunc(calls, func(c string) bool { return strings.HasSuffix(c, "pkmap") })
			}
			for _, text := range calls {
				c, err := kernel.ParseCall(text)
				if err != nil {
					t.Fatal(err)
				}
				if !m.Allows(c) {
					t.Fatalf("%s %s: %s is not allowed", b.Name, init.Name, text)
				}
				if o := m.Apply(c.Code()); o.Kind != explore.Moved {
					t.Fatalf("%s %s: %s: %s %v", b.Name, init.Name, text, m.Broken(o), m.Crash())
				}
			}
			if p := m.State().Kernel.Phase; p != model.PhaseZapped {
				t.Errorf("%s %s ends in phase %v", b.Name, init.Name, p)
			}
		}
	}
}

// longestRun is the longest row of free frames that the table buffer may lie in.
func longestRun(s *model.State) int {
	b, end := &s.Kernel.Buffer, s.L.Kernel.MaxLowPFN
	if !s.L.Geo.SignExtend {
		end = min(end, b.MaxMapped)
	}
	longest, run := 0, 0
	for pfn := range end {
		run++
		if !s.L.Early.IsRAM(pfn) || b.Reserved.Has(pfn) {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// TestBrimAndShort finds the table buffer on the machines on which it just fits and on those
// which lack a page: there the kernel panics, and that is no finding.
func TestBrimAndShort(t *testing.T) {
	s := kerneltest.New(t, boot.Buffer(), kernel.Options{})
	m, brim, short := s.NewModel(), 0, 0
	for i, init := range s.Inits {
		m.Init(i)
		var o explore.Outcome
		for _, k := range []model.CallKind{model.CallSetupStart, model.CallIoremapInit, model.CallFindTables} {
			o = m.Apply(kernel.Call{Kind: k}.Code())
		}
		b := &m.State().Kernel.Buffer
		switch fits := o.Kind == explore.Moved && longestRun(m.State()) == int(b.Top-b.Start); {
		case strings.Contains(init.Name, "-short"):
			short++
			if o.Kind != explore.Skipped || m.Crash() == nil || m.Crash().Kind != model.CrashPanic {
				t.Errorf("%s: %v, %v", init.Name, o, m.Crash())
			}
		case strings.Contains(init.Name, "-brim"):
			brim++
			if !fits {
				t.Errorf("%s: %v, %d frames for a buffer of %d", init.Name, o, longestRun(m.State()), b.Top-b.Start)
			}
		case o.Kind != explore.Moved:
			t.Errorf("%s: %v", init.Name, o)
		}
	}
	if brim == 0 || short == 0 {
		t.Errorf("%d machines with a buffer that fits, %d with none", brim, short)
	}
}
