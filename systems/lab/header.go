package lab

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
)

// comment32 is the first line of scripts for a 32-bit guest that say so in the old way.
const comment32 = "# 32 bits"

// GuestNames are the names of the kinds of domains that a script can be for.
func GuestNames() []string {
	return slices.DeleteFunc(model.GuestKinds(), func(name string) bool { return name == model.AnyGuest.String() })
}

// said says which of its guest's properties a script names itself.
type said struct {
	bits, kind, profile bool
}

// about reads what the first line of a script, and its recording, say of its guest.
func about(f *script.File) (c Config, s said) {
	c = Config{Bits: BitsOf(f.Recording), Guest: model.Dom0}
	if len(f.Lines) > 0 && strings.TrimRight(f.Lines[0].Raw, "\r") == comment32 {
		c.Bits, s.bits = 32, true
	}
	return c, s
}

// guestLines takes in lines "guest WORD", which say how many bits a guest has, or what
// kind of domain it is.
type guestLines struct {
	c     *Config
	said  *said
	lines said // what there has been a line about
}

func (g *guestLines) line(word string, at systems.Line) error {
	if bits, ok := map[string]int{"32": 32, "64": 64}[word]; ok {
		switch {
		case g.lines.bits:
			return at.Errorf("guest is there twice with a number of bits")
		case g.said.bits && bits != g.c.Bits:
			return at.Errorf("guest %d: the first line says %d bits", bits, g.c.Bits)
		}
		g.c.Bits, g.said.bits, g.lines.bits = bits, true, true
		return nil
	}
	kind, err := model.ParseGuestKind(word)
	switch {
	case err != nil || kind == model.AnyGuest:
		return at.Errorf("no guest is named %q; there are 32, 64, %s", word, strings.Join(GuestNames(), ", "))
	case g.lines.kind:
		return at.Errorf("guest is there twice with a kind of domain")
	}
	g.c.Guest, g.said.kind, g.lines.kind = kind, true, true
	return nil
}

// ConfigOf returns the guest that a script says it is for, whatever mistakes there are
// in its operations. Without such lines it is a 64-bit dom0. Errors name file and line.
func ConfigOf(f *script.File) (Config, error) {
	c, s := about(f)
	g := guestLines{c: &c, said: &s}
	begun := false
	for i := range f.Lines {
		op := f.Lines[i].Op
		switch {
		case op == nil:
		case op.Spec == nil || !op.Spec.Header:
			begun = true
		case op.Name != "guest":
		case begun:
			return c, systems.LineOf(f, i).Errorf("guest comes after the first operation")
		default:
			if err := g.line(op.Args[0].Word, systems.LineOf(f, i)); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// head writes the lines that say what the guest is, as far as it is none of the usual
// kind.
func (c *Config) head(s said) string {
	var b strings.Builder
	if s.bits || c.Bits != bits64 {
		fmt.Fprintf(&b, "guest %d\n", c.Bits)
	}
	if s.kind || c.Guest != model.Dom0 {
		fmt.Fprintf(&b, "guest %v\n", c.Guest)
	}
	return b.String()
}

// Headed returns a script that says that it is for the guest, if it does not.
func (c *Config) Headed(src []byte) []byte {
	f, _ := script.Parse("", src) // mistakes are none of the guest's
	if of, err := ConfigOf(f); err == nil && of.Bits == c.Bits && of.Guest == c.Guest {
		return src
	}
	return append([]byte(c.head(said{})), src...)
}
