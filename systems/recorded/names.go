package recorded

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// names name frames by their machine frame numbers in hex: "f1e74" is the frame at
// 0x1e74000. It implements [systems.Names] and [invariants.Namer].
type names struct{ l *model.Layout }

// FrameName implements [invariants.Namer].
func (n names) FrameName(f model.Frame) string { return frameName(n.l, f) }

// EntryText implements [invariants.Namer].
func (n names) EntryText(e model.Entry) string { return entryText(n.l, e) }

func frameName(l *model.Layout, f model.Frame) string {
	if f == model.NoFrame {
		return "nowhere" // a register that the recording has not told yet
	}
	return fmt.Sprintf("f%x", uint64(l.Map.MFN(f)))
}

// entryText is an entry with the frame that it names and its flags, such as
// "f1e74:PWAD"; "0" if it is empty.
func entryText(l *model.Layout, e model.Entry) string {
	if e == 0 {
		return "0"
	}
	return fmt.Sprintf("f%x:%s", uint64(l.Names(e)), model.AppendFlags(nil, e))
}

// showNames are the names as a session wants them.
type showNames struct{}

// FrameName implements [systems.Names].
func (showNames) FrameName(s *model.State, f model.Frame) string { return frameName(s.L, f) }

// EntryText implements [systems.Names].
func (showNames) EntryText(s *model.State, e model.Entry) string { return entryText(s.L, e) }

// Frame implements [systems.Names].
func (showNames) Frame(s *model.State, name string) (model.Frame, error) {
	digits, ok := strings.CutPrefix(name, "f")
	n, err := strconv.ParseUint(digits, 16, 40)
	if !ok || err != nil {
		return model.NoFrame, fmt.Errorf("%q is no frame: want f and its number in hex, such as f1e74 for the one at 0x1e74000", name)
	}
	f := s.L.Map.Frame(model.MFN(n))
	if f == model.NoFrame {
		return f, fmt.Errorf("frame %s is no table at any time", name)
	}
	return f, nil
}

// Address implements [systems.Names].
func (showNames) Address(_ *model.State, text string) (model.VA, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	va, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is no address: want one such as 0xffff888000201000", text)
	}
	return model.VA(va), nil
}
