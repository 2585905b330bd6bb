package lab

import (
	"strings"

	"github.com/ptcheck/ptcheck/fuzz/script"
	"github.com/ptcheck/ptcheck/model"
)

// answer is what an operation returns: a number, or one of the other outcomes.
type answer struct {
	value   int64
	fault   fault
	skipped bool
	syntax  bool
}

func number(rc model.Errno) answer { return answer{value: -int64(rc)} }
func trapped(f fault) answer       { return answer{fault: f} }

// maxLine is how much of a line the executor reads.
const maxLine = 255

// Line executes one line of a script; no is its number.
func (g *Guest) Line(l *script.Line, no int) {
	if g.ended() {
		return
	}
	if l.IsTitle {
		g.text("T " + l.Title)
		g.endLine()
		return
	}
	if l.Op == nil {
		return
	}
	g.begin(l, no)
	a := answer{syntax: true}
	if l.Op.Spec != nil {
		a = g.execute(l.Op)
	}
	g.live()
	switch {
	case g.gone:
		g.out = g.out[:0] // it has not got to printing
	case g.dead != "":
		g.text("FATAL " + g.dead)
		g.endLine()
	default:
		g.end(a)
	}
}

// ended reports whether the executor is no more.
func (g *Guest) ended() bool { return g.gone || g.dead != "" }

// begin prints what precedes the operation's own output.
func (g *Guest) begin(l *script.Line, no int) {
	if g.quiet >= 2 && l.Op.Name != "reset" {
		g.text(";")
		return
	}
	if g.quiet >= 2 {
		g.endLine()
		g.text("Q ")
	} else {
		g.text("R ")
	}
	g.dec(int64(no))
	if g.quiet == 0 {
		echo := l.Raw
		if echo == "" {
			echo = l.Op.String()
		}
		echo, _, _ = strings.Cut(echo[:min(len(echo), maxLine)], "#")
		g.text(" " + echo)
	}
	g.text(" =")
}

// end prints the answer.
func (g *Guest) end(a answer) {
	g.text(" ")
	switch {
	case a.syntax:
		g.text("syntax")
	case a.fault.set:
		g.text("fault:")
		g.dec(int64(a.fault.vector))
		g.text(":")
		g.hex(a.fault.code)
	case a.skipped:
		g.text("skipped")
	default:
		g.dec(a.value)
	}
	if g.quiet < 2 {
		g.endLine()
	}
}

// word truncates a number to the guest's machine word.
func (g *Guest) word(n uint64) uint64 {
	if g.Config.Bits == 32 {
		return n & 0xffff_ffff
	}
	return n
}

// resolve returns the machine frame that a name stands for.
func (g *Guest) resolve(f script.Frame) (model.MFN, bool) {
	switch f.Class {
	case script.ClassPool:
		return g.pool[f.N], true
	case script.ClassBoot:
		if f.N < uint64(len(g.boot)) {
			return g.boot[f.N], true
		}
	case script.ClassPath:
		if f.N <= uint64(g.levels) {
			return g.path[f.N], true
		}
	case script.ClassXen:
		return g.place.xen, true
	case script.ClassShared:
		return g.place.shared, true
	case script.ClassMachine:
		return model.MFN(g.word(f.N)), true
	}
	return 0, false
}

// operands are an operation's operands with all names resolved.
type operands struct {
	frame []model.MFN
	entry []model.Entry
	num   []uint64
	va    model.VA
}

// operands resolves the operands of an operation; a name that this guest does
// not have is a mistake.
func (g *Guest) operands(op *script.Op) (o operands, ok bool) {
	for i := range op.Args {
		a := &op.Args[i]
		switch a.Kind {
		case script.KindFrame, script.KindEntry:
			e := a.Bits
			if a.Kind == script.KindFrame || a.Frame.Class != script.ClassNone {
				m, ok := g.resolve(a.Frame)
				if !ok {
					return o, false
				}
				if a.Kind == script.KindFrame {
					o.frame = append(o.frame, m)
					continue
				}
				e |= model.Entry(m) << model.PageShift
			}
			o.entry = append(o.entry, e)
		case script.KindFrameOrZero:
			m, ok := g.resolve(a.Frame)
			if !ok && a.Frame.Class != script.ClassNone {
				return o, false
			}
			o.frame = append(o.frame, m)
		case script.KindNumber:
			o.num = append(o.num, a.Num)
		case script.KindAddr:
			o.va = model.VA(g.word(a.Num))
			if a.Slot >= 0 {
				o.va = g.page(a.Slot)
			}
		}
	}
	return o, true
}

// execute carries an operation out.
func (g *Guest) execute(op *script.Op) answer {
	o, ok := g.operands(op)
	if !ok {
		return answer{syntax: true}
	}
	switch op.Name {
	case "w", "w4", "x", "or", "r":
		return g.access(op.Name, model.VA(g.word(uint64(o.va)+o.num[0]*8)), o.entry)
	case "mu", "mua", "mus", "map", "mapnf":
		return g.updates(op.Name, &o)
	case "get", "dump", "types", "btypes":
		return g.show(op.Name, &o)
	case "bench":
		return g.bench(op.Args[0].Word, o.num[0])
	case "reset":
		return answer{value: int64(g.reset())}
	case "quiet":
		g.quiet = o.num[0]
		return answer{}
	}
	return g.extended(op.Name, &o)
}

// access carries out loads and stores. A 32-bit guest does those of 8 bytes with
// a locked compare-and-exchange, and the or with 4 bytes.
func (g *Guest) access(name string, va model.VA, entry []model.Entry) answer {
	wide := g.Config.Bits == 64
	if name == "r" {
		return g.read(va)
	}
	v := uint64(entry[0])
	switch {
	case name == "w" && wide:
		return trapped(g.store(va, 8, v, false))
	case name == "w4":
		return trapped(g.store(va, 4, v, false))
	case name == "or" && wide:
		return trapped(g.modify(va, 8, func(old uint64) uint64 { return old | v }))
	case name == "or":
		return trapped(g.modify(va, 4, func(old uint64) uint64 { return old | v }))
	}
	return trapped(g.modify(va, 8, func(uint64) uint64 { return v }))
}

func (g *Guest) read(va model.VA) answer {
	v, f := g.load(va, 8)
	if !f.set {
		g.text(" ")
		g.entry(model.Entry(v))
	}
	return trapped(f)
}

// updates carries out the hypercalls that write entries.
func (g *Guest) updates(name string, o *operands) answer {
	switch name {
	case "map":
		return number(g.M.UpdateVAMapping(o.va, o.entry[0], model.UVMFInvlpg))
	case "mapnf":
		return number(g.M.UpdateVAMapping(o.va, o.entry[0], model.UVMFNone))
	case "mua":
		return number(g.update(o.frame[0], o.num[0], o.entry[0], model.MMUPreserveAD))
	case "mu":
		return number(g.update(o.frame[0], o.num[0], o.entry[0], model.MMUNormal))
	}
	items := make([]model.MMUItem, len(o.num))
	for i, n := range o.num {
		items[i] = model.MMUItem{Ptr: uint64(o.frame[0])<<model.PageShift + n*8, Val: o.entry[i]}
	}
	done, rc := g.M.MMUUpdates(items)
	g.text(" done=")
	g.dec(int64(done))
	return number(rc)
}

// extended carries out the other hypercalls.
func (g *Guest) extended(name string, o *operands) answer {
	m := g.M
	switch name {
	case "pin":
		return number(g.mmuext(uint32(o.num[0]-1), o.frame[0]))
	case "unpin":
		return number(m.Unpin(o.frame[0]))
	case "cr3", "cr3!":
		return g.rootSwitch(o.frame[0], name == "cr3")
	case "ucr3":
		g.userRoot = true
		return number(m.NewUserBaseptr(o.frame[0]))
	case "flush":
		return number(m.FlushLocal())
	case "invlpg":
		return number(m.InvalidatePage(o.va))
	case "clear":
		return number(m.ClearFrame(o.frame[0]))
	case "copy":
		return number(m.CopyFrame(o.frame[0], o.frame[1]))
	case "gdt":
		rc := m.SetGDT(o.frame[0])
		g.gdtLoaded = g.gdtLoaded || rc == model.OK
		return number(rc)
	case "assist":
		return number(m.VMAssist(o.num[0], uint32(o.num[1]) != 0))
	}
	return answer{syntax: true}
}

// mmuext carries out an operation of mmuext_op by its number, as "pin LEVEL"
// does with LEVEL-1, whatever LEVEL is.
func (g *Guest) mmuext(cmd uint32, f model.MFN) model.Errno {
	m := g.M
	switch cmd {
	case 0, 1, 2, 3:
		return m.Pin(int(cmd)+1, f)
	case 4:
		return m.Unpin(f)
	case 5:
		return m.NewBaseptr(f)
	case 6, 10: // TLB_FLUSH_LOCAL, TLB_FLUSH_ALL
		return m.FlushLocal()
	case 7, 11: // INVLPG_LOCAL, INVLPG_ALL
		return m.InvalidatePage(model.VA(f))
	case 12, 13, 18: // FLUSH_CACHE, SET_LDT to none, FLUSH_CACHE_GLOBAL
		return model.OK
	case 15:
		return m.NewUserBaseptr(f)
	case 16:
		return m.ClearFrame(f)
	case 17:
		return m.CopyFrame(f, 0)
	}
	return model.ENOSYS
}

// rootSwitch switches to another root; checked, only if the executor seems to be
// mapped there.
func (g *Guest) rootSwitch(f model.MFN, checked bool) answer {
	if checked {
		seen := g.peek(f)
		if g.ended() {
			return answer{}
		}
		index := g.M.L.Geo.Index(g.page(0), g.levels)
		e := model.Entry(g.M.LoadFrame(seen, index*8, 8))
		g.unpeek()
		if !e.Is(model.Present) {
			g.text(" unsafe")
			return answer{skipped: true}
		}
	}
	rc := g.M.NewBaseptr(f)
	if rc == model.OK {
		g.root = f
	}
	return number(rc)
}

// show prints entries and types.
func (g *Guest) show(name string, o *operands) answer {
	const shown = 64 // entries of a dump
	switch name {
	case "types":
		g.kinds(g.pool[:], "f")
	case "btypes":
		g.kinds(g.boot, "b")
	case "get":
		if i := int(o.num[0]); o.num[0] < 512 {
			g.text(" ")
			if f := g.peek(o.frame[0]); !g.ended() {
				g.entry(model.Entry(g.M.LoadFrame(f, i*8, 8)))
				g.unpeek()
			}
		}
	case "dump":
		f := g.peek(o.frame[0])
		for i, seen := 0, 0; !g.ended() && i < 512 && seen < shown; i++ {
			if e := model.Entry(g.M.LoadFrame(f, i*8, 8)); e != 0 {
				g.slot(i)
				g.entry(e)
				seen++
			}
		}
		if !g.ended() {
			g.unpeek()
		}
	}
	return answer{}
}
