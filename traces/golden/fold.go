package golden

// Op is one element of the folded trace as the file holds it: either
// consecutive set_pte, set_pmd or update_va calls with their Count, or one
// other call with its numbers and text.
type Op struct {
	Name string
	// Count is the number of calls folded; 0 for calls that are not folded.
	Count int
	// Args are the numeric arguments in order: pfn, mfn, or PA and raw value.
	Args []uint64
	// Text is the purpose of a bootmem or the prose of an hv_reject.
	Text string
}

// opShape says what an operation carries in the folded list.
type opShape struct {
	known, folds bool
	args         int  // numeric arguments
	text         bool // one text argument after them
}

// shapeOf returns the shape of the operation called name.
func shapeOf(name string) opShape {
	switch name {
	case OpSetupStart, OpSetupDone, OpZap:
		return opShape{known: true}
	case OpBootmem:
		return opShape{known: true, args: 1, text: true}
	case OpAllocPD, OpAllocPT, OpNewBaseptr, OpPinL3, OpLoadCR3:
		return opShape{known: true, args: 1}
	case OpSetPGD:
		return opShape{known: true, args: 2}
	case OpSetPTE, OpSetPMD, OpUpdateVA:
		return opShape{known: true, folds: true}
	case OpHVReject:
		return opShape{known: true, text: true}
	}
	return opShape{}
}

// Fold returns the trace as the folded list of the file.
func (t *Trace) Fold() []Op {
	var ops []Op
	for i := range t.lines {
		l := &t.lines[i]
		name := l.op.name()
		shape := shapeOf(name)
		if shape.folds {
			if n := len(ops); n > 0 && ops[n-1].Name == name {
				ops[n-1].Count++
			} else {
				ops = append(ops, Op{Name: name, Count: 1})
			}
			continue
		}
		op := Op{Name: name, Text: t.text(l)}
		switch shape.args {
		case 1:
			op.Args = []uint64{l.a}
		case 2:
			op.Args = []uint64{l.a, l.b}
		}
		ops = append(ops, op)
	}
	return ops
}

// Rejects returns the texts of the hv_reject operations in order.
func Rejects(ops []Op) []string {
	var out []string
	for _, op := range ops {
		if op.Name == OpHVReject {
			out = append(out, op.Text)
		}
	}
	return out
}
