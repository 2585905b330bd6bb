package lab

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
)

// report prints the start of day: start_info and Xen's initial tables.
func (g *Guest) report() {
	g.text("HELLO ptexec ")
	g.dec(int64(g.levels))
	g.text(" levels")
	g.endLine()
	g.startInfo()
	g.text("I path")
	for level := g.levels; level > 0; level-- {
		g.text(" k")
		g.dec(int64(level))
		g.text("=")
		g.frame(g.path[level])
	}
	g.endLine()
	g.text("I types rc=0")
	g.kinds(g.boot, "b")
	g.endLine()
	for i := range g.boot {
		g.reportTable(i)
	}
}

func (g *Guest) startInfo() {
	magic := "xen-3.0-x86_64"
	if g.Config.Bits == 32 {
		magic = "xen-3.0-x86_32p"
	}
	g.text("I magic=" + magic + " pages=")
	g.dec(domPages)
	g.text(" flags=")
	g.hex(startFlags(g.Config.Guest))
	g.text(" pt_base=")
	g.hex(uint64(g.va(g.area.tables)))
	g.text(" pt_frames=")
	g.dec(int64(g.area.nrTables))
	g.text(" mfn_list=")
	g.hex(uint64(g.va(g.area.p2m)))
	g.text(" mod=")
	g.hex(uint64(g.va(g.area.module)))
	g.text("+")
	g.hex(uint64(g.Config.Script))
	g.text(" start_info=")
	g.hex(uint64(g.va(g.area.startInfo)))
	g.text(" slots=")
	g.hex(uint64(g.page(0)))
	g.text(" cmdline=")
	g.endLine()
}

// reportTable prints how many entries a boot table has, the first and the last.
func (g *Guest) reportTable(i int) {
	var seen, rw int
	var first, last struct {
		slot  int
		entry model.Entry
	}
	level, _ := g.tableType(g.boot[i])
	f := g.M.L.Map.Frame(g.boot[i])
	for slot := range model.PageSize / 8 {
		e := model.Entry(g.M.LoadFrame(f, slot*8, 8))
		if e == 0 || level == 4 && !g.ownSlot(4, slot) {
			continue
		}
		last.slot, last.entry = slot, e
		if seen == 0 {
			first = last
		}
		seen++
		if e.Is(model.RW) {
			rw++
		}
	}
	g.text("I b")
	g.dec(int64(i))
	g.text(" ")
	g.kind(g.boot[i])
	g.text(" entries=")
	g.dec(int64(seen))
	g.text(" rw=")
	g.dec(int64(rw))
	if seen > 0 {
		g.slot(first.slot)
		g.entry(first.entry)
		g.slot(last.slot)
		g.entry(last.entry)
	}
	g.endLine()
}

// Played is a script that has been run.
type Played struct {
	// Lines are all that the guest prints, the way the recordings hold it: Xen's
	// error numbers by name.
	Lines []string
	// End is where the guest ended before the script did, nil if it did not.
	End *systems.End
}

// Run boots a guest with a script.
func Run(c Config, src []byte) (*Played, error) {
	c.Script = len(src)
	g, err := New(c)
	if err != nil {
		return nil, err
	}
	var p Played
	g.report()
	g.reset()
	f, _ := script.Parse("", src) // mistakes are answered with "syntax"
	for i := range f.Lines {
		g.Line(&f.Lines[i], i+1)
		if why := g.why(); why != "" {
			p.End = &systems.End{Line: i + 1, Why: why}
			break
		}
	}
	g.finish()
	p.Lines = named(g.lines)
	return &p, nil
}

// finish prints the end of a script that has been run to its end.
func (g *Guest) finish() {
	if g.ended() {
		return
	}
	if g.quiet >= 2 {
		g.endLine()
	}
	g.text("END")
	g.endLine()
}
