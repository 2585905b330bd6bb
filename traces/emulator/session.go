package emulator

import (
	"fmt"
)

// Session is a runner that has a kernel.
type Session struct {
	r    *Runner
	k    *Kernel
	stop string
}

// NewSession hands a kernel to a runner. A run ends at a function of the kernel's, by default at
// the first of [Stops] that it has.
func NewSession(r *Runner, k *Kernel, stop string) (*Session, error) {
	s := &Session{r: r, k: k, stop: stop}
	if stop == "" {
		for _, name := range Stops {
			if _, ok := k.Symbol(name); ok {
				s.stop = name
				break
			}
		}
	}
	if _, ok := k.Symbol(s.stop); !ok {
		return nil, fmt.Errorf("emulator: the kernel has no function %q to stop at", s.stop)
	}
	k.send(r)
	return s, nil
}

// Whole has each case run from its beginning. Otherwise the part that is the same on machines with
// the same processor is run once and gone on from: the results are the same.
func (s *Session) Whole(on bool) { s.r.whole = on }

// Stop is the function at which runs end.
func (s *Session) Stop() string { return s.stop }

// Boot boots the kernel on a machine.
func (s *Session) Boot(m *Machine) (*Result, error) {
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("emulator: no such machine: %w", err)
	}
	s.k.sendCase(s.r, m, s.stop)
	return s.r.run()
}
