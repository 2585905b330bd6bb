package machines

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/recorded"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Options say how kernels are run.
type Options struct {
	Runner  string // the program
	Library string // the emulator's library; empty: the system's
	Timeout time.Duration
	Stop    string // the function at which runs end; empty: the first of emulator.Stops
	Whole   bool   // run each case from its beginning, also what machines share
}

// Subject is a kernel in a runner. It is not safe for concurrent use.
type Subject struct {
	Kernel *emulator.Kernel
	Bounds Bounds
	r      *emulator.Runner
	s      *emulator.Session
	limit  uint64 // the most memory that a 32-bit kernel maps
}

// Outcome is what came of a run.
type Outcome struct {
	Problems  []Problem
	Digest    uint64 // of what the tables map in the end
	Stop      string
	Recording *emulator.Recording
	Stores    int
	Passes    int
	Console   []byte
}

// Start starts a runner with a kernel. The first boot, on a machine with 2 GiB, shows what kind
// of tables the kernel has and where its direct map ends at most. If the kernel's code was changed,
// that is asked of it as it was.
func Start(ctx context.Context, k *emulator.Kernel, o Options) (*Subject, error) {
	r, err := emulator.Start(ctx, o.Runner, o.Library, o.Timeout)
	if err != nil {
		return nil, err
	}
	s := &Subject{Kernel: k.Original(), r: r}
	if s.s, err = emulator.NewSession(r, s.Kernel, o.Stop); err == nil {
		err = s.calibrate()
	}
	if err == nil && s.Kernel != k {
		s.Kernel = k
		s.s, err = emulator.NewSession(r, k, o.Stop)
	}
	if err == nil {
		s.s.Whole(o.Whole)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the runner.
func (s *Subject) Close() { s.r.Close() }

// Version is the emulator's version, Stop the function at which runs end.
func (s *Subject) Version() string { return s.r.Version() }

// Stop is the function at which runs end.
func (s *Subject) Stop() string { return s.s.Stop() }

// The limits between which the direct map of a 32-bit kernel with 3 GiB for user mode ends: 896
// MiB less what fixmap, kmap and the processors' entry areas take.
const (
	leastLimit = 768 * mib
	mostLimit  = 896 * mib
)

func (s *Subject) calibrate() error {
	m := &emulator.Machine{
		Map:      []emulator.Range{{Start: 0, End: videoHole, Kind: emulator.Usable}, {Start: isaEnd, End: 2 * gib, Kind: emulator.Usable}},
		Features: emulator.PSE | emulator.PGE | emulator.NX,
	}
	res, err := s.s.Boot(m)
	if err != nil {
		return err
	}
	if res.Stop != s.s.Stop() {
		return fmt.Errorf("on a plain machine with 2 GiB it does not get to %s: %s", s.s.Stop(), s.why(res))
	}
	t, err := s.tables(s.s.Recording(m, res))
	if err != nil {
		return err
	}
	s.Bounds = BoundsOf(s.Kernel, t.Levels)
	if t.Levels > 3 {
		return nil
	}
	t.Leaves(func(l emulator.Leaf) bool {
		if pa := l.VA - direct2; l.VA >= direct2 && pa == l.PA && pa == s.limit {
			s.limit += l.Size
		}
		return true
	})
	if s.limit < leastLimit || s.limit > mostLimit {
		return fmt.Errorf("its direct map ends at %d MiB: that is not a kernel at 3 GiB", s.limit/mib)
	}
	return nil
}

func (s *Subject) tables(rec *emulator.Recording) (*emulator.Tables, error) {
	r, err := rec.Reader("recording")
	if err != nil {
		return nil, err
	}
	return emulator.ReadTables(r)
}

// Try boots the kernel on a machine and judges what it did. The error is for what no verdict can
// come of: a runner that died, a machine that cannot be.
func (s *Subject) Try(m *emulator.Machine) (*Outcome, error) {
	res, err := s.s.Boot(m)
	if err != nil {
		return nil, err
	}
	o := &Outcome{Stop: res.Stop, Recording: s.s.Recording(m, res), Passes: res.Passes, Console: res.Console}
	t, err := s.tables(o.Recording)
	if err != nil {
		return nil, err
	}
	if res.Stop != s.s.Stop() {
		o.Stop = s.why(res)
		o.Problems = []Problem{{Rule: ruleBoots, Detail: fmt.Sprintf("it does not get to %s: %s", s.s.Stop(), o.Stop)}}
		return o, nil
	}
	o.Problems = expect(s.Kernel, t.Levels, m, s.limit).check(t)
	if err := o.judge(); err != nil {
		return nil, err
	}
	h := fnv.New64a()
	t.Leaves(func(l emulator.Leaf) bool {
		fmt.Fprintf(h, "%x %x %x %x\n", l.VA, l.PA, l.Size, l.Entry)
		return true
	})
	o.Digest = h.Sum64()
	return o, nil
}

// judge has the rules for recordings look at the run.
func (o *Outcome) judge() error {
	j, err := recorded.Judge("drive", func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(o.Recording.Write(w)) }()
		return r, nil
	})
	if err != nil {
		return err
	}
	if !j.Complete() {
		return fmt.Errorf("the runner missed stores: %s", j.Completeness())
	}
	for _, f := range j.Findings {
		if p, ok := knownFinding(f); ok {
			o.Problems = append(o.Problems, p)
			continue
		}
		if !slices.ContainsFunc(o.Problems, func(p Problem) bool { return p.Rule == f.Rule }) {
			o.Problems = append(o.Problems, newProblem(f.Rule, fmt.Sprintf("%s (%s)", f.Detail, where(f))))
		}
	}
	return nil
}

// knownFinding is what is known of a kernel among the findings of rules for recordings. While
// the direct map is built in tables that are not loaded yet, the kernel's early handler of page
// faults maps 2 MiB around whatever is touched, memory or not.
func knownFinding(f *reports.Finding) (Problem, bool) {
	if f.Rule == "ram-only" && strings.HasPrefix(where(f), "__early_make_pgtable") {
		return newProblem(ruleFaults, f.Detail), true
	}
	return Problem{}, false
}

// where is the code that a finding is about.
func where(f *reports.Finding) string {
	if len(f.Stack) == 0 {
		return "no code known"
	}
	return f.Stack[0].Function
}

// why says how a run ended that did not come to its end.
func (s *Subject) why(res *emulator.Result) string {
	name, off := s.Kernel.Function(res.PC)
	at := fmt.Sprintf("%s+%#x", name, off)
	switch res.Stop {
	case "panic":
		if text := s.Kernel.PanicText(res); text != "" {
			return fmt.Sprintf("panic(%q)", text)
		}
		return "panic"
	case "halt":
		return "the processor halts at " + at
	}
	return res.Detail + " (" + at + ")"
}
