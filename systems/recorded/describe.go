package recorded

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// describe says what happened, with what it changed.
func describe(l *model.Layout, e *kernel.Event) string {
	if e.Kind != kernel.Store {
		return what(e)
	}
	return fmt.Sprintf("f%x[%d]: %s -> %s", e.Frame, e.Slot, entryText(l, model.Entry(e.Old)), entryText(l, model.Entry(e.New)))
}

// what says what happened.
func what(e *kernel.Event) string {
	switch e.Kind {
	case kernel.Store:
		text := fmt.Sprintf("store f%x[%d], %d bytes at %#x", e.Frame, e.Slot, e.Size, e.VA)
		if e.Level == 0 {
			text += ", no table yet"
		}
		return text
	case kernel.Control:
		return controlText(e)
	case kernel.Invlpg:
		if e.Unknown {
			return "flush of some page"
		}
		return fmt.Sprintf("flush of page %#x", e.VA)
	case kernel.Invpcid:
		return "invpcid"
	case kernel.Release:
		return fmt.Sprintf("f%x is no table any more", e.Frame)
	case kernel.Drop:
		return fmt.Sprintf("f%x is no root any more", e.Frame)
	case kernel.Mode:
		return fmt.Sprintf("paging with %d levels", e.Level)
	}
	return string(e.AppendText(nil))
}

// controlText says what a control register became.
func controlText(e *kernel.Event) string {
	switch e.Reg {
	case 0:
		return fmt.Sprintf("CR0 = %#x", e.CR0)
	case 3:
		return fmt.Sprintf("CR3 = %#x", e.CR3)
	case 4:
		return fmt.Sprintf("CR4 = %#x", e.CR4)
	}
	return fmt.Sprintf("wrmsr, EFER = %#x", e.EFER)
}
