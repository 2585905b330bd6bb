package lab

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// header32 is the first line of a script for a 32-bit guest.
const header32 = "# 32 bits"

// ConfigOf returns the guest that a script says it is for: one of 32 bits if its first
// line is the comment "# 32 bits", and of the kind of a line "guest KIND" before the
// first operation. Without them it is a 64-bit dom0. An error names file and line.
func ConfigOf(f *script.File) (Config, error) {
	c := Config{Bits: 64, Guest: model.Dom0}
	if len(f.Lines) > 0 && f.Lines[0].Raw == header32 {
		c.Bits = 32
	}
	begun := false
	for i := range f.Lines {
		op := f.Lines[i].Op
		switch {
		case op == nil || op.Spec == nil:
			continue
		case op.Name != "guest":
			begun = true
			continue
		}
		var err error
		if begun {
			err = fmt.Errorf("guest belongs before the first operation, once")
		} else {
			c.Guest, err = model.ParseGuestKind(op.Args[0].Word)
		}
		if err != nil {
			return c, &script.Error{File: f.Name, Line: i + 1, Col: op.Col, Msg: err.Error()}
		}
		begun = true
	}
	return c, nil
}

// Headed returns a script that says that it is for the guest, if it does not.
func (c *Config) Headed(src []byte) []byte {
	f, _ := script.Parse("", src)
	if said, err := ConfigOf(f); err == nil && said.Bits == c.Bits && said.Guest == c.Guest {
		return src
	}
	head := ""
	if c.Bits == 32 {
		head = header32 + "\n"
	}
	if c.Guest != model.AnyGuest && c.Guest != model.Dom0 {
		head += fmt.Sprintf("guest %v\n", c.Guest)
	}
	return append([]byte(head), src...)
}
