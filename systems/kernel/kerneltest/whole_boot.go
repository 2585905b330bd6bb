package kerneltest

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/xen"
)

// WholeBoot is a boot of a later kernel that goes on from call to call: what watches it is
// not told anew what the state is, as in a search. It works on the system's own state.
type WholeBoot struct {
	K    *hooks.Kernel
	Made map[kernel.Call]bool
	sys  *kernel.System
}

// NewWholeBoot begins one from a start-of-day state.
func NewWholeBoot(s *kernel.System, i int, seen ...model.Observer) *WholeBoot {
	st := s.Inits[i].State
	ops := native.EarlyOps()
	if st.L.Hyper != nil {
		ops = xen.EarlyOps()
	}
	b := &WholeBoot{K: hooks.New(model.NewMachine(st, seen...), &ops), Made: map[kernel.Call]bool{}, sys: s}
	b.K.M.Budget = st.L.Budget()
	return b
}

// Plant makes a change in the kernel; what else it changes is a matter of the system's options.
func (b *WholeBoot) Plant(c systems.Change) {
	if c.Kernel != nil {
		c.Kernel(b.K.PV, b.K.Fn)
		hooks.Announce(b.K.PV)
	}
}

// Call makes a call and returns how the kernel died of it, nil if it did not.
func (b *WholeBoot) Call(c kernel.Call) *model.Crash {
	b.Made[c] = true
	return b.K.M.Run(func() {
		switch c.Kind {
		case model.CallSetupStart:
			hooks.SetupStart(b.K)
		case model.CallSetupDone:
			hooks.SetupDone(b.K)
		default:
			hooks.EarlyCall(b.K, c.Kind, int(c.Arg))
		}
	})
}

// Next is an enabled call that has not been made, or that must be made again; the last one
// of those that the system names.
func (b *WholeBoot) Next() (kernel.Call, bool) {
	calls := b.sys.Enabled(nil, b.K.M.State)
	for i := len(calls) - 1; i >= 0; i-- {
		c := kernel.CallOf(calls[i])
		if c.Kind == model.CallTopStep || c.Kind == model.CallReserve || !b.Made[c] {
			return c, true
		}
	}
	return kernel.Call{}, false
}

// All makes every call there is.
func (b *WholeBoot) All(tb testing.TB) {
	tb.Helper()
	for c, ok := b.Next(); ok; c, ok = b.Next() {
		if died := b.Call(c); died != nil {
			tb.Fatalf("%v: %+v", c, died)
		}
	}
	if b.K.M.Kernel.Phase != model.PhaseDone || !b.Made[kernel.Call{Kind: model.CallDumpTables}] {
		tb.Fatalf("the boot ends in phase %v", b.K.M.Kernel.Phase)
	}
}
