package lab

import (
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
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
	begun := len(g.lines)
	a := answer{syntax: true}
	if l.Op.Spec != nil {
		a = g.execute(l.Op)
	}
	g.live()
	switch {
	case g.gone || g.M.Ended():
		g.out = g.out[:0] // it has not got to printing
	case g.dead != "":
		g.text("FATAL " + g.dead)
		g.endLine()
	default:
		g.end(a)
	}
	if g.mark > 0 && len(g.lines) > begun {
		g.said, g.mark = g.lines[len(g.lines)-1][g.mark:], 0
	}
}

// ended reports whether the executor is no more.
func (g *Guest) ended() bool { return g.why() != "" }

// why says why the executor is no more, "" if it lives.
func (g *Guest) why() string {
	switch {
	case g.M.Ended():
		return "an absent entry names memory (L1TF)"
	case g.gone:
		return "its own pages are no longer mapped"
	case g.dead != "":
		return "it gave up: " + g.dead
	}
	return ""
}

// begin prints what precedes the operation's own output.
func (g *Guest) begin(l *script.Line, no int) {
	g.mark, g.said = 0, ""
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
	if g.quiet < 2 {
		g.mark = len(g.out)
	}
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

// execute carries an operation out.
func (g *Guest) execute(op *script.Op) answer {
	o, ok := g.operands(op)
	if do := executorOf(op.Name); ok && do != nil {
		return do(g, op.Name, &o)
	}
	return answer{syntax: true}
}

// executor carries out some operations, told apart by their names.
type executor func(g *Guest, name string, o *operands) answer

// executors are the operations that the executor knows besides hypercalls, which are
// verbs of the table of operations. It is never written to.
var executors = [...]struct {
	names []string
	do    executor
}{
	{[]string{"w", "w4", "x", "or", "r"}, func(g *Guest, name string, o *operands) answer {
		return g.access(name, model.VA(g.word(uint64(o.va)+o.num[0]*8)), o.entry)
	}},
	{[]string{"get", "dump", "types", "btypes"}, (*Guest).show},
	{[]string{"assist"}, func(g *Guest, _ string, o *operands) answer {
		return number(g.M.VMAssist(o.num[0], uint32(o.num[1]) != 0))
	}},
	{[]string{"bench"}, func(g *Guest, _ string, o *operands) answer { return g.bench(o.word, o.num[0]) }},
	{[]string{"reset"}, func(g *Guest, _ string, _ *operands) answer { return answer{value: int64(g.reset())} }},
	{[]string{"quiet"}, func(g *Guest, _ string, o *operands) answer {
		g.quiet = o.num[0]
		return answer{}
	}},
	// What the guest is has been read before it was booted.
	{[]string{"guest"}, func(*Guest, string, *operands) answer { return answer{} }},
}

// executorOf finds what carries out an operation, nil if the executor does not know it.
func executorOf(name string) executor {
	if op, v := model.FindVerb(name); v != nil && v.OnXen {
		return func(g *Guest, _ string, o *operands) answer { return g.hypercall(op, v, o) }
	}
	for i := range executors {
		if slices.Contains(executors[i].names, name) {
			return executors[i].do
		}
	}
	return nil
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
