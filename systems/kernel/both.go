package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// Fields of a call code. Of a single call: the argument, the kind, the processor, and
// the hypercall that is refused or, marked by a bit, the operation before which an
// interrupt comes. Of two side by side, marked by the highest bit: the points of the
// schedule, who starts, and kind and argument of each.
const (
	codeKind  = 32
	codeCPU   = 40
	codeIrq   = 47
	codeDeny  = 48
	codeBoth  = 63
	pointBits = 7
	codeFirst = pointBits * model.MaxPreemptions
	codeHalf  = codeFirst + 1
	halfBits  = 15
)

// maxPoint is the largest number of steps between two preemptions.
const maxPoint = 1<<pointBits - 1

// Code returns the call as the engine stores it.
func (c Call) Code() uint64 {
	if c.Beside.Kind == model.CallNone {
		code := uint64(c.Arg) | uint64(c.Kind)<<codeKind | uint64(c.CPU)<<codeCPU
		if c.Interrupt != 0 {
			return code | 1<<codeIrq | uint64(c.Interrupt)<<codeDeny
		}
		return code | uint64(c.Refuse)<<codeDeny
	}
	code := uint64(1)<<codeBoth | uint64(c.Sched.First)<<codeFirst
	for i, p := range c.Sched.Points {
		code |= uint64(p) << (pointBits * i)
	}
	for i, h := range [...]Half{{c.Kind, uint8(c.Arg)}, c.Beside} {
		code |= (uint64(h.Kind) | uint64(h.Arg)<<7) << (codeHalf + halfBits*i)
	}
	return code
}

// CallOf is the reverse of Code.
func CallOf(code uint64) Call {
	if code>>codeBoth == 0 {
		c := Call{Kind: model.CallKind(code >> codeKind), Arg: uint32(code), CPU: uint8(code >> codeCPU & 1)}
		if code>>codeIrq&1 != 0 {
			c.Interrupt = uint16(code >> codeDeny)
		} else {
			c.Refuse = uint8(code >> codeDeny)
		}
		return c
	}
	var c Call
	c.Sched.First = int(code >> codeFirst & 1)
	for i := range c.Sched.Points {
		c.Sched.Points[i] = uint8(code >> (pointBits * i) & maxPoint)
	}
	half := func(n int) Half {
		h := code >> (codeHalf + halfBits*n)
		return Half{model.CallKind(h & 127), uint8(h >> 7)}
	}
	a := half(0)
	c.Kind, c.Arg, c.Beside = a.Kind, uint32(a.Arg), half(1)
	return c
}

// oneWord writes a call so that it is one word of a scenario line.
func oneWord(call string) string { return strings.ReplaceAll(call, " ", ":") }

func severalWords(word string) string { return strings.ReplaceAll(word, ":", " ") }

// bothText is the text of two calls side by side: both calls, and the schedule as
// the processor that starts and the steps up to each preemption.
func (c Call) bothText() string {
	var b strings.Builder
	a := Call{Kind: c.Kind, Arg: c.Arg}
	z := Call{Kind: c.Beside.Kind, Arg: uint32(c.Beside.Arg)}
	fmt.Fprintf(&b, "both %s %s %d", oneWord(a.String()), oneWord(z.String()), c.Sched.First)
	for _, p := range c.Sched.Points {
		if p == 0 {
			break
		}
		fmt.Fprintf(&b, ".%d", p)
	}
	return b.String()
}

// parseSchedule reads a schedule such as 0.5.2.
func parseSchedule(text string) (model.Schedule, error) {
	var s model.Schedule
	bad := func() (model.Schedule, error) {
		return s, fmt.Errorf("%q is no schedule: want the processor that starts and up to %d numbers of steps from 1 to %d, such as 0.5.2",
			text, model.MaxPreemptions, maxPoint)
	}
	parts := strings.Split(text, ".")
	if len(parts) > 1+model.MaxPreemptions || parts[0] != "0" && parts[0] != "1" {
		return bad()
	}
	s.First = int(parts[0][0] - '0')
	for i, p := range parts[1:] {
		n, err := strconv.ParseUint(p, 10, pointBits)
		if err != nil || n == 0 || p[0] == '+' || p[0] == '0' {
			return bad()
		}
		s.Points[i] = uint8(n)
	}
	return s, nil
}
