package kernel

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// Two calls side by side have too many schedules to try them all where more than one
// preemption is needed. What goes wrong under one is made simpler step by step instead.

// simpler are the simpler forms of two calls side by side, the simplest first: one of them
// alone, fewer preemptions, the other processor first, a preemption that comes sooner.
func (c Call) simpler() []Call {
	if c.Beside.Kind == model.CallNone {
		return nil
	}
	out := []Call{{Kind: c.Kind, Arg: c.Arg}, {Kind: c.Beside.Kind, Arg: uint32(c.Beside.Arg), CPU: 1}}
	with := func(s model.Schedule) {
		x := c
		x.Sched = s
		out = append(out, x)
	}
	points := c.Sched.Points[:c.preemptions()]
	for i := range points {
		s := model.Schedule{First: c.Sched.First}
		copy(s.Points[:], slices.Delete(slices.Clone(points), i, i+1))
		with(s)
	}
	if c.Sched.First == 1 {
		s := c.Sched
		s.First = 0
		with(s)
	}
	for i, p := range points {
		for _, sooner := range []uint8{1, p / 2, p - 1} {
			if s := c.Sched; 0 < sooner && sooner < p {
				s.Points[i] = sooner
				with(s)
			}
		}
	}
	return out
}

// exchanged is the call about process a in place of b, and the other way round.
func (c Call) exchanged(a, b int) Call {
	other := func(k model.CallKind, arg uint32) uint32 {
		n, page := Call{Arg: arg}.LifeArgs()
		switch {
		case !namesProcess(k):
			return arg
		case n == a:
			return LifeCall(k, b, page).Arg
		case n == b:
			return LifeCall(k, a, page).Arg
		}
		return arg
	}
	c.Arg, c.Beside.Arg = other(c.Kind, c.Arg), uint8(other(c.Beside.Kind, uint32(c.Beside.Arg)))
	return c
}

// Rewrites implements [shrink.World]: two processes with each other's numbers, or one pair of
// calls in a simpler form.
func (w *world) Rewrites(_ scope, calls []Call) [][]Call {
	var out [][]Call
	for n := 1; n < model.MaxMM; n++ {
		next := slices.Clone(calls)
		for i, c := range next {
			next[i] = c.exchanged(n-1, n)
		}
		if !slices.Equal(next, calls) {
			out = append(out, next)
		}
	}
	for i, c := range calls {
		for _, x := range c.simpler() {
			next := slices.Clone(calls)
			next[i] = x
			out = append(out, next)
		}
	}
	return out
}
