// Package show steps through scenarios: what each call and each step inside it did
// to memory, how addresses are walked, what tables hold and what frames are used
// as.
package show

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/lab"
	"github.com/ptcheck/ptcheck/systems/trial"
)

// world runs a scenario from its start, as often as it is asked to, and gives
// things their names.
type world interface {
	run(t system.Tracer) error
	// frameName and entryText name what belongs to a state shown by run.
	frameName(s *model.State, f model.Frame) string
	entryText(s *model.State, e model.Entry) string
	// frame and address read what a user has typed.
	frame(s *model.State, name string) (model.Frame, error)
	address(s *model.State, text string) (model.VA, error)
}

// Options say how a scenario is run.
type Options struct {
	Bits    int            // scripts of hypercalls: guest of 64 or 32 bits; 0: as the script says
	Profile *model.Profile // scripts of hypercalls: rules; nil: Xen 4.17
}

// open finds out in which world a scenario plays.
func open(name string, src []byte, o Options) (world, error) {
	f, err := script.Parse(name, src)
	if err != nil {
		return nil, err
	}
	sys := system.WorldOf(f)
	var planted mutants.Change
	if sys != "" {
		if planted, _, err = trial.ReadHeader(f); err != nil {
			return nil, err
		}
	}
	switch sys {
	case "":
		c, err := lab.ConfigOf(f)
		if err != nil {
			return nil, err
		}
		if o.Bits != 0 {
			c.Bits = o.Bits
		}
		c.Profile, c.Script = o.Profile, len(src)
		return &guest{file: f, config: c}, nil
	case "adversary", "pvdp":
		return kernel{file: f, trace: func(f *script.File, t system.Tracer) error { return system.TraceAdversary(f, planted.Judge, t) }}, nil
	}
	return kernel{file: f, trace: func(f *script.File, t system.Tracer) error {
		return system.Trace(f, planted.Apply(system.Options{}), t)
	}}, nil
}

// kernel is the world of boot calls, or that of an adversary: frames are f0, f1...
type kernel struct {
	file  *script.File
	trace func(*script.File, system.Tracer) error
}

func (k kernel) run(t system.Tracer) error { return k.trace(k.file, t) }

func (k kernel) frameName(s *model.State, f model.Frame) string { return system.FrameName(s.L, f) }
func (k kernel) entryText(s *model.State, e model.Entry) string { return system.EntryText(s.L, e) }

func (k kernel) frame(s *model.State, name string) (model.Frame, error) {
	for f := range model.Frame(s.L.Map.Frames()) {
		if k.frameName(s, f) == name {
			return f, nil
		}
	}
	return model.NoFrame, fmt.Errorf("%q is not a frame: there are f0 to f%d", name, s.L.Map.Guest()-1)
}

// address reads 0x... or fix:N, or a frame for its place in the direct map.
func (k kernel) address(s *model.State, text string) (model.VA, error) {
	m := &s.L.Kernel
	if n, ok := strings.CutPrefix(text, "fix:"); ok && m.NrFixed > 0 {
		i, err := strconv.Atoi(n)
		if err != nil || i < 0 || i >= m.NrFixed {
			return 0, fmt.Errorf("%q is not a fixmap index: there are fix:0 to fix:%d", text, m.NrFixed-1)
		}
		return s.L.Fix(i), nil
	}
	if f, err := k.frame(s, text); err == nil && m.MaxLowPFN > 0 {
		if pfn := model.PFN(f); pfn < m.MaxLowPFN {
			return s.L.VA(pfn.PA()), nil
		}
		return 0, fmt.Errorf("frame %s has no place in the direct map", text)
	}
	return number(text, "an address such as 0x1000, fix:2, or a frame of low memory")
}

// number reads a hexadecimal address.
func number(text, want string) (model.VA, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	n, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is not an address: want %s", text, want)
	}
	return model.VA(n), nil
}

// guest is the world of a script of hypercalls: a guest of Xen with a pool of
// frames.
type guest struct {
	file   *script.File
	config lab.Config
	live   *lab.Guest
}

func (g *guest) run(t system.Tracer) (err error) {
	if g.live, err = lab.New(g.config); err != nil {
		return err
	}
	g.live.Trace(g.file, t)
	return nil
}

func (g *guest) frameName(_ *model.State, f model.Frame) string { return g.live.FrameName(f) }
func (g *guest) entryText(_ *model.State, e model.Entry) string { return g.live.EntryText(e) }

func (g *guest) frame(_ *model.State, name string) (model.Frame, error) {
	l, err := script.ParseLine("dump " + name)
	if err != nil {
		return model.NoFrame, fmt.Errorf("%s", err.Msg)
	}
	f, ok := g.live.Frame(l.Op.Args[0].Frame)
	if !ok {
		return model.NoFrame, fmt.Errorf("this guest has no frame %s", name)
	}
	return f, nil
}

// address reads 0x... or sN, a page of the pool.
func (g *guest) address(_ *model.State, text string) (model.VA, error) {
	if n, ok := strings.CutPrefix(text, "s"); ok {
		i, err := strconv.Atoi(n)
		if err != nil || i < 0 || i >= script.PoolPages {
			return 0, fmt.Errorf("%q is not a page of the pool: there are s0 to s%d", text, script.PoolPages-1)
		}
		return g.live.Page(i), nil
	}
	return number(text, "an address such as 0x1000, or a page s0 of the pool")
}
