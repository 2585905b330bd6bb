// Package record runs the boot code at real size: a configuration goes in, a
// golden dump comes out - tables, trace and outcome, comparable with what the
// original kernel code left behind.
package record

import (
	"fmt"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// Options change how a boot runs. The zero value is the plain boot.
type Options struct {
	// Observers see every step, the start-of-day state first (see Watcher).
	Observers []Watcher
	// Patch replaces functions of the kernel before it starts.
	Patch func(*hooks.Ops, *hooks.Funcs)
	// NoDump leaves out the tables, their hashes and the trace.
	NoDump bool
}

// Watcher is an observer that wants to see the machine before its first step.
type Watcher interface {
	model.Observer
	Begin(s *model.State)
}

// Run boots a configuration. name becomes the dump's name. An error means that
// the configuration describes no machine; how the kernel fared is in the dump's
// Outcome.
func Run(name string, c *golden.Config, o Options) (*golden.File, error) {
	s, ops, err := startOfDay(c)
	if err != nil {
		return nil, fmt.Errorf("boot: %s: %w", name, err)
	}
	f := &golden.File{Name: name, Config: *c, Outcome: "ok"}
	if !o.NoDump {
		f.Initial = dump(s, c, nil)
	}
	m := model.NewMachine(s)
	for _, w := range o.Observers {
		w.Begin(s)
		m.Observe(w)
	}
	fn := hooks.Generic()
	if o.Patch != nil {
		o.Patch(&ops, &fn)
	}
	rec := &recorder{file: f, trace: new(golden.Trace)}
	if !o.NoDump {
		rec.wrap(&ops, &fn)
		m.Observe(rec)
		f.FullTrace = rec.trace
	}
	k := &hooks.Kernel{M: m, PV: &ops, Fn: &fn}
	rec.boot(k, c)
	f.CR4Set = uint64(s.CPU.CR4 & (model.CR4PSE | model.CR4PGE))
	if !o.NoDump {
		f.Tables = dump(s, c, f)
		f.RootResidue = residue(s, c)
		f.Seal()
		if c.ZapLowMappings && f.Hash.PrezapTables == "" {
			// The kernel died before the zap: what it left is the state before it.
			f.Hash.PrezapTables, f.Hash.PrezapReachable = f.Hash.Tables, f.Hash.Reachable
		}
	}
	return f, nil
}

// boot runs paging_init and, if asked for, the zap, and notes how it ended.
func (r *recorder) boot(k *hooks.Kernel, c *golden.Config) {
	crash := k.M.Run(func() { hooks.PagingInit(k) })
	if crash == nil && c.ZapLowMappings {
		if r.file.FullTrace != nil {
			before := dump(k.M.State, c, r.file)
			r.file.Hash.PrezapTables = golden.HashTables(before)
			r.file.Hash.PrezapReachable = golden.HashReachable(before)
		}
		r.trace.Zap()
		crash = k.M.Run(func() { hooks.Zap(k) })
	}
	if crash != nil {
		r.file.Outcome = crash.Error()
		if crash.Kind == model.CrashRejected {
			r.trace.HVReject(crash.Errno.String())
		}
	}
}
