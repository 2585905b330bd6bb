package drive

import (
	"fmt"
	"math/bits"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// Boot drives a boot system. It is not safe for concurrent use.
//
// Byte 0 chooses the start of day. Of the two bytes of a call the low six bits of
// the first say which kind of call, another one if that is not enabled; the other
// ten choose among the enabled calls of this kind.
type Boot struct {
	b      *kernel.Backend
	change systems.Change
	sys    *kernel.System
	m      *kernel.Model
	lead   [][]uint64 // calls that precede every input, by start of day
	state  [][]byte   // packed states behind them
	codes  []uint64
	same   []uint64 // the codes of one kind

	init int
	path []uint64
}

// NewBoot returns a driver of a backend's system.
func NewBoot(b *kernel.Backend, o kernel.Options) (*Boot, error) {
	sys, err := b.New(o)
	if err != nil {
		return nil, fmt.Errorf("drive: %w", err)
	}
	return &Boot{b: b, change: o.Change, sys: sys, m: sys.NewModel(), path: make([]uint64, 0, 2*maxOps)}, nil
}

// NewBooted returns a driver that begins behind a boot: each start of day is
// followed by the kernel's own calls in their order, up to the zap. Starts of day
// of systems that begin there anyway stay as they are.
func NewBooted(backend *kernel.Backend, o kernel.Options) (*Boot, error) {
	b, err := NewBoot(backend, o)
	if err != nil {
		return nil, err
	}
	for i := range b.sys.Inits {
		b.m.Init(i)
		var lead []uint64
		for b.m.State().Kernel.Phase < model.PhaseZapped && len(lead) < maxOps {
			code, ok := b.onward(lead)
			if !ok {
				return nil, fmt.Errorf("drive: %s: %s: no call leads to the end of the boot", backend.Name, b.sys.Inits[i].Name)
			}
			lead = append(lead, code)
			if o := b.m.Apply(code); o.Kind != explore.Moved {
				return nil, fmt.Errorf("drive: %s: %s: the boot ends in %s", backend.Name, b.sys.Inits[i].Name, b.m.Broken(o))
			}
		}
		b.lead = append(b.lead, lead)
		b.state = append(b.state, b.m.Encode(nil))
	}
	return b, nil
}

// onward is the call that brings a boot forward: the enabled one of the latest
// kind up to the zap, as long as it has not been made.
func (b *Boot) onward(made []uint64) (best uint64, ok bool) {
	b.codes = b.m.Enabled(b.codes[:0])
	rank := func(code uint64) int {
		switch c := kernel.CallOf(code); c.Kind {
		case model.CallSetupStart, model.CallSetupDone, model.CallLoadRoot, model.CallZap:
			return 3
		case model.CallRange:
			return 2
		case model.CallMap:
			if c.Arg == kernel.AllLeaves {
				return 1
			}
		}
		return 0
	}
	most := 0
next:
	for _, code := range b.codes {
		for _, m := range made {
			if m == code {
				continue next
			}
		}
		if r := rank(code); r > most {
			best, most, ok = code, r, true
		}
	}
	return best, ok
}

// Run makes the calls that an input stands for, up to the first that goes wrong. The checker
// goes on from call to call; what it finds so is found once more by counting anew.
func (b *Boot) Run(data []byte) explore.Outcome {
	b.m.GoOn(true)
	defer b.m.GoOn(false)
	o := b.run(data)
	if o.Kind != explore.Moved {
		b.m.GoOn(false)
		o = b.run(data)
	}
	return o
}

func (b *Boot) run(data []byte) explore.Outcome {
	b.init, b.path = 0, b.path[:0]
	if len(data) > 0 {
		b.init = int(data[0]) % len(b.sys.Inits)
		data = data[1:]
	}
	b.begin()
	for ; len(data) >= 2 && len(b.path) < maxOps; data = data[2:] {
		code, ok := b.pick(int(data[0]&63), int(data[0]>>6)<<8|int(data[1]))
		if !ok {
			break
		}
		b.path = append(b.path, code)
		if o := b.m.Apply(code); o.Kind != explore.Moved {
			return o
		}
	}
	return explore.Outcome{Kind: explore.Moved}
}

// begin makes the start of day the working state.
func (b *Boot) begin() {
	if b.state == nil {
		b.m.Init(b.init)
		return
	}
	b.m.Decode(b.state[b.init])
}

// kinds is how many numbers there are for kinds of calls. Two calls side by side
// have the number of the first one's kind, moved by half of them. nthLast and
// above stand for the last call of a kind, which is the kernel's own loop where
// there is one.
const (
	kinds   = 64
	nthLast = 768
)

// kindOf is the number of a call's kind.
func kindOf(code uint64) int {
	k, two := kernel.KindOf(code)
	if two {
		return (int(k) + kinds/2) % kinds
	}
	return int(k) % kinds
}

// pick returns the nth of the enabled calls of a kind. A kind that is not enabled
// stands for one of those that are.
func (b *Boot) pick(kind, nth int) (uint64, bool) {
	b.codes = b.m.Enabled(b.codes[:0])
	var set uint64
	for _, code := range b.codes {
		set |= 1 << kindOf(code)
	}
	if set == 0 {
		return 0, false
	}
	if set>>kind&1 == 0 {
		rest := set
		for range kind % bits.OnesCount64(set) {
			rest &= rest - 1
		}
		kind = bits.TrailingZeros64(rest)
	}
	b.same = b.same[:0]
	for _, code := range b.codes {
		if kindOf(code) == kind {
			b.same = append(b.same, code)
		}
	}
	n := len(b.same)
	if nth >= nthLast {
		return b.same[n-1], true
	}
	return b.same[nth%n], true
}

// Path is what the last input did: the start of day, and the calls from there,
// with those that precede every input.
func (b *Boot) Path() (init int, calls []kernel.Call) {
	if b.lead != nil {
		for _, code := range b.lead[b.init] {
			calls = append(calls, kernel.CallOf(code))
		}
	}
	for _, code := range b.path {
		calls = append(calls, kernel.CallOf(code))
	}
	return b.init, calls
}

// Scenario is what the last input did.
func (b *Boot) Scenario() (systems.Scenario, error) {
	init, calls := b.Path()
	return b.b.Scenario(b.sys.Bounds(), b.sys.Inits[init].Name, calls, b.change)
}

// Broken is what the outcome of the last input breaks.
func (b *Boot) Broken(o explore.Outcome) string { return b.m.Broken(o) }

// Encode is the reverse of Run: an input that makes the calls from a start of
// day. ok is false if there is none, because a call is not possible.
func (b *Boot) Encode(init int, calls []kernel.Call) (data []byte, ok bool) {
	if init > 255 || init >= len(b.sys.Inits) {
		return nil, false
	}
	b.init = init
	b.begin()
	data = append(data, byte(init))
	if b.lead != nil {
		lead := b.lead[init]
		if len(calls) < len(lead) {
			return nil, false
		}
		for i, code := range lead {
			if calls[i].Code() != code {
				return nil, false
			}
		}
		calls = calls[len(lead):]
	}
	for _, c := range calls {
		kind, nth, found := kindOf(c.Code()), 0, false
		b.codes = b.m.Enabled(b.codes[:0])
		for _, code := range b.codes {
			if code == c.Code() {
				found = true
				break
			}
			if kindOf(code) == kind {
				nth++
			}
		}
		if c.Arg == kernel.AllLeaves {
			nth = nthLast
		}
		if !found || nth > nthLast {
			return nil, false
		}
		data = append(data, byte(kind)|byte(nth>>8)<<6, byte(nth))
		b.m.Apply(c.Code())
	}
	return data, len(calls) <= maxOps
}
