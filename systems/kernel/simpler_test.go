package kernel

import (
	"math/rand/v2"
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

// drawnPair draws two calls of life after boot side by side, under a schedule.
func drawnPair(r *rand.Rand) Call {
	call := func() Call {
		k := model.CallMMAlloc + model.CallKind(r.IntN(int(model.NumCalls-model.CallMMAlloc)))
		n, page := -1, 0
		if namesProcess(k) {
			n = r.IntN(model.MaxMM)
		}
		if namesPage(k) {
			page = r.IntN(3)
		}
		return LifeCall(k, n, page)
	}
	c, second := call(), call()
	c.Beside = Half{second.Kind, uint8(second.Arg)}
	c.Sched.First = r.IntN(2)
	for i := range r.IntN(model.MaxPreemptions + 1) {
		c.Sched.Points[i] = uint8(1 + r.IntN(maxPoint))
	}
	return c
}

// TestSimpler wants each simpler form of a pair to be a call that can be written, and that
// comes before it, so that no search for a simple one goes on for ever; and no more of them
// than a few for each preemption.
func TestSimpler(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		c := drawnPair(r)
		list := c.simpler()
		alone, fewer := 0, 0
		for _, x := range list {
			if x.Code() >= c.Code() || CallOf(x.Code()) != x {
				t.Fatalf("%v is said to be simpler than %v", x, c)
			}
			if _, err := parseSchedule(schedule(x)); err != nil {
				t.Fatalf("%v, simpler than %v: %v", x, c, err)
			}
			switch {
			case x.Beside.Kind == model.CallNone:
				alone++
			case x.preemptions() < c.preemptions():
				fewer++
			}
		}
		if alone != 2 || fewer != c.preemptions() || len(list) > 3+4*model.MaxPreemptions {
			t.Fatalf("%v: %d forms, %d of them alone, %d with fewer preemptions: %v", c, len(list), alone, fewer, list)
		}
	}
	if list := LifeCall(model.CallMMExit, 0, 0).simpler(); list != nil {
		t.Errorf("a call alone has simpler forms: %v", list)
	}
}

// schedule is that of a call as scenario files have it.
func schedule(c Call) string {
	if c.Beside.Kind == model.CallNone {
		return "0"
	}
	text := c.bothText()
	for i := len(text) - 1; ; i-- {
		if text[i] == ' ' {
			return text[i+1:]
		}
	}
}

// TestExchanged exchanges two processes, which is its own reverse and touches no other.
func TestExchanged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	changed := 0
	for range 2000 {
		c := drawnPair(r)
		x := c.exchanged(0, 1)
		if x.exchanged(0, 1) != c || x.Kind != c.Kind || x.Beside.Kind != c.Beside.Kind || x.Sched != c.Sched {
			t.Fatalf("%v becomes %v, and that %v", c, x, x.exchanged(0, 1))
		}
		for _, h := range [][2]Call{{c, x}, {{Kind: c.Beside.Kind, Arg: uint32(c.Beside.Arg)}, {Kind: x.Beside.Kind, Arg: uint32(x.Beside.Arg)}}} {
			n, page := h[0].LifeArgs()
			m, samePage := h[1].LifeArgs()
			want := n
			if n == 0 || n == 1 {
				want = 1 - n
			}
			if m != want || samePage != page {
				t.Fatalf("%v becomes %v", c, x)
			}
			if m != n {
				changed++
			}
		}
	}
	if changed < 200 {
		t.Errorf("%d processes exchanged only", changed)
	}
}
