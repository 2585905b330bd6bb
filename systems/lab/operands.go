package lab

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

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
	word  string
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
		case script.KindWord:
			o.word = a.Word
		}
	}
	return o, true
}
