package script

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// flagLetters are the letters of an entry's flags, lowest bit first.
const flagLetters = "PWUTCADSGabcKX"

func parseArg(kind Kind, w word) (Arg, *Error) {
	a := Arg{Kind: kind, Slot: -1, Col: w.col}
	var err *Error
	switch kind {
	case KindFrame:
		a.Frame, err = parseFrame(w)
	case KindFrameOrZero:
		if w.text != "0" {
			a.Frame, err = parseFrame(w)
		}
	case KindPFN:
		a.Frame, err = parsePFN(w)
	case KindAddr:
		err = a.parseAddr(w)
	case KindEntry:
		err = a.parseEntry(w)
	case KindNumber:
		a.Num, a.Hex, err = parseNumber(w)
	case KindWord:
		a.Word = w.text
	}
	return a, err
}

func parseNumber(w word) (n uint64, hex bool, err *Error) {
	text, base := w.text, 10
	if rest, ok := strings.CutPrefix(text, "0x"); ok {
		text, base, hex = rest, 16, true
	}
	n, e := strconv.ParseUint(text, base, 64)
	if e != nil || text != strings.ToLower(text) || text[0] == '+' {
		return 0, false, &Error{Col: w.col, Msg: quote(w.text) + " is not a number"}
	}
	return n, hex, nil
}

func parseFrame(w word) (Frame, *Error) {
	bad := func(why string) (Frame, *Error) {
		return Frame{}, &Error{Col: w.col, Msg: quote(w.text) + " is not a frame: " + why}
	}
	if w.text == "" {
		return bad("empty")
	}
	f := Frame{Class: Class(w.text[0])}
	num := word{w.text[1:], w.col + 1}
	if f.Class == ClassXen || f.Class == ClassShared {
		if num.text != "" {
			return bad("nothing may follow " + w.text[:1])
		}
		return f, nil
	}
	var limit uint64
	switch f.Class {
	case ClassPool:
		limit = PoolFrames
	case ClassBoot:
		limit = BootFrames
	case ClassPath:
		limit = model.MaxLevels + 1
	case ClassMachine:
		limit = 1 << 40
	default:
		return bad("names start with f, k, b, m, x or h")
	}
	n, hex, err := parseNumber(num)
	switch {
	case err != nil:
		return bad("no number after " + w.text[:1])
	case n >= limit || f.Class == ClassPath && n == 0:
		return bad("no such number")
	case hex && f.Class != ClassMachine:
		return bad("its number is decimal")
	}
	f.N, f.Hex = n, hex
	return f, nil
}

// maxPFN bounds the frames of a kernel's memory.
const maxPFN = 1<<32 - 1

// parsePFN reads a frame such as f300.
func parsePFN(w word) (Frame, *Error) {
	text, ok := strings.CutPrefix(w.text, "f")
	n, hex, err := parseNumber(word{text, w.col + 1})
	if !ok || err != nil || hex || n >= maxPFN {
		return Frame{}, &Error{Col: w.col, Msg: quote(w.text) + " is no frame of a kernel's memory: want one such as f3"}
	}
	return Frame{Class: ClassPool, N: n}, nil
}

func (a *Arg) parseAddr(w word) *Error {
	rest, ok := strings.CutPrefix(w.text, "s")
	if !ok {
		var err *Error
		a.Num, a.Hex, err = parseNumber(w)
		return err
	}
	n, hex, err := parseNumber(word{rest, w.col + 1})
	if err != nil || hex || n >= PoolPages {
		return &Error{Col: w.col, Msg: fmt.Sprintf("%s is not an address: pages are s0 to s%d", quote(w.text), PoolPages-1)}
	}
	a.Slot = int(n)
	return nil
}

func (a *Arg) parseEntry(w word) *Error {
	name, flags, ok := strings.Cut(w.text, ":")
	if !ok {
		n, hex, err := parseNumber(w)
		a.Bits, a.Hex = model.Entry(n), hex
		return err
	}
	var err *Error
	if a.Frame, err = parseFrame(word{name, w.col}); err != nil {
		return err
	}
	col := w.col + len(name) + 1
	letters, rest, plus := strings.Cut(flags, "+")
	for i := range len(letters) {
		bit, ok := model.ParseFlag(letters[i])
		if !ok {
			return &Error{Col: col + i, Msg: fmt.Sprintf("%q is not a flag: flags are %s and +NUMBER", letters[i], flagLetters)}
		}
		a.Bits |= bit
	}
	if plus {
		n, _, err := parseNumber(word{rest, col + len(letters) + 1})
		if err != nil {
			return err
		}
		a.Bits |= model.Entry(n)
	}
	return nil
}
