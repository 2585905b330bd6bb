package lab

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems/view"
)

// names names what scripts name: frames of the pool f0, f1 ..., boot tables b0 ... It
// implements [systems.Names] while a guest runs: what its names stand for changes.
type names struct{ live *sync.Map }

// guest is the guest of a state, nil if it does not run.
func (n names) guest(s *model.State) *Guest {
	g, _ := n.live.Load(s)
	guest, _ := g.(*Guest)
	return guest
}

// FrameName implements [systems.Names].
func (n names) FrameName(s *model.State, f model.Frame) string {
	if g := n.guest(s); g != nil {
		return g.FrameName(f)
	}
	return view.FrameName(s.L, f)
}

// EntryText implements [systems.Names].
func (n names) EntryText(s *model.State, e model.Entry) string {
	if g := n.guest(s); g != nil {
		return g.EntryText(e)
	}
	return view.EntryText(s.L, e)
}

var errOver = errors.New("the guest no longer runs: its names mean nothing")

// Frame implements [systems.Names].
func (n names) Frame(s *model.State, name string) (model.Frame, error) {
	g := n.guest(s)
	if g == nil {
		return model.NoFrame, errOver
	}
	l, err := script.ParseLine("dump " + name)
	if err != nil {
		return model.NoFrame, errors.New(err.Msg)
	}
	ok := l.Op.Spec != nil
	f := model.NoFrame
	if ok {
		f, ok = g.Frame(l.Op.Args[0].Frame)
	}
	if !ok {
		return model.NoFrame, fmt.Errorf("this guest has no frame %s", name)
	}
	return f, nil
}

// Address implements [systems.Names]: it reads 0x... or sN, a page of the pool.
func (n names) Address(s *model.State, text string) (model.VA, error) {
	page, ok := strings.CutPrefix(text, "s")
	if !ok {
		return view.HexAddress(text, "an address such as 0x1000, or a page s0 of the pool")
	}
	g := n.guest(s)
	if g == nil {
		return 0, errOver
	}
	i, err := strconv.Atoi(page)
	if err != nil || i < 0 || i >= script.PoolPages {
		return 0, fmt.Errorf("%q is not a page of the pool: there are s0 to s%d", text, script.PoolPages-1)
	}
	return g.Page(i), nil
}
