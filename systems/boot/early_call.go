package system

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// earlyText writes the calls of later kernels that have an argument.
func (c Call) earlyText() (string, bool) {
	if p := earlyPrefix(c.Kind); p != 0 {
		return fmt.Sprintf("%v %s%d", c.Kind, strings.TrimSpace(string(p)), c.Arg), true
	}
	return "", false
}

// earlyPrefix is what precedes the number of an argument: the letter of ranges and
// slots, a space for none; 0 for calls without an argument.
func earlyPrefix(k model.CallKind) rune {
	switch k {
	case model.CallFindTables, model.CallMapRange:
		return 'r'
	case model.CallEarlyUnmap:
		return 's'
	case model.CallKmap:
		return ' '
	case model.CallEarlyRemap:
		return 'f'
	}
	return 0
}

// parseEarly reads the argument of a call of later kernels.
func parseEarly(c Call, arg string) (Call, error) {
	prefix := strings.TrimSpace(string(earlyPrefix(c.Kind)))
	n, err := strconv.ParseUint(strings.TrimPrefix(arg, prefix), 10, 6)
	if err != nil || !strings.HasPrefix(arg, prefix) {
		return c, fmt.Errorf("%v: want an argument such as %s1, not %q", c.Kind, prefix, arg)
	}
	c.Arg = uint32(n)
	return c, nil
}

// Speaks reports whether calls of a kind are part of the system's protocol.
func (s *System) Speaks(k model.CallKind) bool {
	e := s.Inits[0].State.L.Early
	if s.Inits[0].State.L.Life != nil || k >= model.CallMMAlloc {
		return s.kinds>>k&1 != 0
	}
	switch {
	case k == model.CallSetupStart || k == model.CallSetupDone:
		return true
	case e == nil || k < model.CallIoremapInit:
		return e == nil && k < model.CallIoremapInit
	}
	switch k {
	case model.CallTopStart, model.CallTopStep, model.CallTopEnd:
		return e.TopDown
	case model.CallFindTables, model.CallMapRange, model.CallReserve:
		return !e.TopDown
	}
	return true
}

// earlyRoles says what places of their own a later kernel's machine has.
func earlyRoles(l *model.Layout) []string {
	e := l.Early
	roles := []string{fmt.Sprintf("memory f0 to f%d at %#x", l.Kernel.MaxLowPFN-1, uint64(l.Kernel.PageOffset))}
	for _, r := range [...]struct {
		name string
		model.FrameRange
	}{{"brk", e.Brk}, {"list of machine frames and its tables", e.P2M}, {"memory to be ballooned up", e.Extra}} {
		if r.Len() > 0 {
			roles = append(roles, fmt.Sprintf("f%d to f%d %s", r.From, r.To-1, r.name))
		}
	}
	for i := range e.RAM[1:] {
		roles = append(roles, fmt.Sprintf("f%d to f%d a hole", e.RAM[i].To, e.RAM[i+1].From-1))
	}
	return roles
}
