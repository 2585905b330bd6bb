package lab

import (
	"strconv"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// Output in the executor's words. Frames are printed by name, so that answers do
// not depend on machine frame numbers.

func (g *Guest) text(s string) { g.out = append(g.out, s...) }
func (g *Guest) dec(n int64)   { g.out = strconv.AppendInt(g.out, n, 10) }
func (g *Guest) hex(n uint64)  { g.out = strconv.AppendUint(append(g.out, "0x"...), n, 16) }
func (g *Guest) slot(n int)    { g.text(" ["); g.dec(int64(n)); g.text("]=") }

// endLine hands the line out.
func (g *Guest) endLine() {
	g.lines = append(g.lines, string(g.out))
	g.out = g.out[:0]
}

// frame prints a machine frame, as far as it fits the guest's machine word.
func (g *Guest) frame(m model.MFN) {
	m = model.MFN(g.word(uint64(m)))
	switch m {
	case g.place.xen:
		g.text("x")
		return
	case g.place.shared:
		g.text("h")
		return
	}
	for i, p := range g.pool {
		if p == m {
			g.text("f")
			g.dec(int64(i))
			return
		}
	}
	for i, b := range g.boot {
		if b == m {
			g.text("b")
			g.dec(int64(i))
			return
		}
	}
	g.text("m")
	g.hex(uint64(m))
}

// entry prints an entry.
func (g *Guest) entry(e model.Entry) {
	if e == 0 {
		g.text("0")
		return
	}
	g.frame(e.MFN())
	g.text(":")
	g.out = script.AppendFlags(g.out, e.Flags())
}

// kind prints what Xen calls a frame: the level if it is a table, and whether it
// is pinned. It reports whether it printed anything (Xen:
// XEN_DOMCTL_getpageframeinfo3).
func (g *Guest) kind(m model.MFN) {
	level, pinned := g.tableType(m)
	if level > 0 {
		g.text("L")
		g.dec(int64(level))
	} else {
		g.text("-")
	}
	if pinned {
		g.text("pin")
	}
}

// tableType returns Xen's view of a frame of the guest's.
func (g *Guest) tableType(m model.MFN) (level int, pinned bool) {
	i := g.M.Info(g.M.L.Map.Frame(m))
	pinned = i.Is(model.Pinned)
	if pinned || i.Is(model.Validated) {
		level = i.Typ.Level()
	}
	return level, pinned
}

// kinds prints the frames of a list that are tables or pinned.
func (g *Guest) kinds(frames []model.MFN, name string) {
	for i, m := range frames {
		if level, pinned := g.tableType(m); level > 0 || pinned {
			g.text(" " + name)
			g.dec(int64(i))
			g.text("=")
			g.kind(m)
		}
	}
}
