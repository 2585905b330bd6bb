package guests

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Refusal is a request that the hypervisor does not grant, though it could.
type Refusal struct {
	At        int // the number of the request among those that may fail
	Errno     model.Errno
	Preempted bool // it is not refused, but broken off: the guest has to make it again
}

// Request is a request that may fail.
type Request struct {
	Number, Operation uint64
	Inner             bool // an entry of a multicall
	Callers           []uint64
}

// Run is what came of a boot.
type Run struct {
	Stop, Detail string
	Result       *emulator.Result
	Console      []byte
	Recording    []byte
	Requests     []Request
	// Tables are all tables in the end, by machine frame.
	Tables map[uint64]Table
	Root   uint64
	// Exceptions are those that the kernel got, the last ones.
	Exceptions []Exception
}

// Table is a table in use.
type Table struct {
	Level  int
	Pinned bool
	Words  []uint64
}

// Exception is an exception that a kernel got.
type Exception struct {
	Vector  int
	PC, CR2 uint64
}

// Ends are the functions at which runs end, the first that the kernel has: all tables of the
// boot are there and pinned, and the list of machine frames is the kernel's own.
var Ends = []string{"kmem_cache_init", "mem_init"}

// End is the function at which runs end: the one that is named, or the first of [Ends] that the
// kernel has.
func End(k *emulator.Kernel, name string) (string, error) {
	for _, n := range append([]string{name}, Ends...) {
		if _, ok := k.Symbol(n); ok {
			return n, nil
		}
		if n != "" && n == name {
			break
		}
	}
	return "", fmt.Errorf("guests: the kernel has no function %q to stop at", cmp.Or(name, Ends[0]))
}

// Boot boots a kernel as a guest.
func Boot(r *emulator.Runner, k *emulator.Kernel, m *Machine, stop string, refusal *Refusal) (*Run, error) {
	d, err := build(k, m)
	if err != nil {
		return nil, err
	}
	h, err := newHost(d, refusal)
	if err != nil {
		return nil, err
	}
	stops := map[string]uint64{}
	for _, name := range []string{stop, "panic"} {
		addr, ok := k.Symbol(name)
		if !ok {
			return nil, fmt.Errorf("guests: the kernel has no function %q to stop at", name)
		}
		stops[name] = addr
	}
	res, err := r.Host(h.guest(stops), h)
	if err != nil {
		return nil, err
	}
	run := &Run{Stop: res.Stop, Detail: res.Detail, Result: res, Console: h.console, Requests: h.requests, Tables: map[uint64]Table{}, Exceptions: h.exceptions}
	for f := range model.Frame(h.l.Map.Guest()) {
		if level := tableLevel(h.s.InfoAt(f)); level > 0 {
			run.Tables[uint64(h.l.Map.MFN(f))] = Table{level, h.s.InfoAt(f).Is(model.Pinned), h.s.Words(f)}
		}
	}
	run.Root = uint64(h.l.Map.MFN(h.s.CPU.CR3))
	run.Recording, err = h.rec.finish()
	return run, err
}

// mayFail reports whether a request is one that a hypervisor may refuse: one about tables and
// memory.
func mayFail(r *request) bool {
	switch r.number {
	case hypercall.MMUUpdate, hypercall.MMUExt, hypercall.UpdateVA, hypercall.SetGDT, hypercall.VMAssist, hypercall.UpdateDescriptor,
		hypercall.MemoryOp:
		return true
	}
	return hypercall.Holds(r.number, r.args[0])
}

// describe says what a request is and where it was made.
func (h *host) describe(at *call, r *request) Request {
	x := Request{Number: r.number, Inner: r.inner, Callers: at.callers}
	switch {
	case r.number == hypercall.MMUExt && len(r.ops) > 0:
		x.Operation = r.ops[0][0]
	case r.number == hypercall.MemoryOp:
		x.Operation = r.args[0] & memCommand
	}
	return x
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
