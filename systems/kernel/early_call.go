package kernel

import (
	"fmt"
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

// Speaks reports whether calls of a kind are part of the system's protocol.
func (s *System) Speaks(k model.CallKind) bool {
	e := s.Inits[0].State.L.Early
	if s.Inits[0].State.L.Life != nil || k >= model.CallMMAlloc {
		return s.Kinds>>k&1 != 0
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
