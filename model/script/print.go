package script

import (
	"strconv"

	"github.com/ptcheck/ptcheck/model"
)

// Format returns the text of a script in its usual form: single blanks, flags in
// order. Parsing it gives the same script again.
func Format(f *File) []byte {
	var dst []byte
	for i := range f.Lines {
		dst = append(f.Lines[i].Append(dst), '\n')
	}
	return dst
}

// Append appends the text of a line to dst. A line with a mistake stays as it
// was read.
func (l *Line) Append(dst []byte) []byte {
	switch {
	case l.IsTitle:
		return append(append(dst, "t "...), l.Title...)
	case l.Op != nil && l.Op.Spec == nil:
		return append(dst, l.Raw...)
	case l.Op != nil:
		dst = l.Op.Append(dst)
	}
	switch {
	case l.HasWant:
		dst = append(append(dst, "  #= "...), l.Want...)
	case l.HasComment:
		if l.Op != nil {
			dst = append(dst, "  "...)
		}
		dst = append(append(dst, '#'), l.Comment...)
	}
	return dst
}

// Append appends the text of an operation to dst.
func (o *Op) Append(dst []byte) []byte {
	dst = append(dst, o.Name...)
	for i := range o.Args {
		dst = o.Args[i].Append(append(dst, ' '))
	}
	return dst
}

// String returns the text of an operation.
func (o *Op) String() string { return string(o.Append(nil)) }

// Append appends the text of an operand to dst.
func (a *Arg) Append(dst []byte) []byte {
	switch a.Kind {
	case KindFrame, KindPFN:
		return a.Frame.Append(dst)
	case KindFrameOrZero:
		if a.Frame.Class == ClassNone {
			return append(dst, '0')
		}
		return a.Frame.Append(dst)
	case KindAddr:
		if a.Slot >= 0 {
			return strconv.AppendInt(append(dst, 's'), int64(a.Slot), 10)
		}
		return appendNumber(dst, a.Num, a.Hex)
	case KindEntry:
		if a.Frame.Class == ClassNone {
			return appendNumber(dst, uint64(a.Bits), a.Hex)
		}
		return AppendFlags(append(a.Frame.Append(dst), ':'), a.Bits)
	case KindNumber:
		return appendNumber(dst, a.Num, a.Hex)
	}
	return append(dst, a.Word...)
}

// Append appends the name of a frame to dst.
func (f Frame) Append(dst []byte) []byte {
	dst = append(dst, byte(f.Class))
	if f.Class == ClassXen || f.Class == ClassShared {
		return dst
	}
	return appendNumber(dst, f.N, f.Hex)
}

// AppendFlags appends flag letters, and +N for bits without one.
func AppendFlags(dst []byte, bits model.Entry) []byte {
	for i := range len(flagLetters) {
		if bit, _ := model.ParseFlag(flagLetters[i]); bits&bit != 0 {
			dst = append(dst, flagLetters[i])
			bits &^= bit
		}
	}
	if bits != 0 {
		dst = appendNumber(append(dst, '+'), uint64(bits), true)
	}
	return dst
}

func appendNumber(dst []byte, n uint64, hex bool) []byte {
	if hex {
		return strconv.AppendUint(append(dst, "0x"...), n, 16)
	}
	return strconv.AppendUint(dst, n, 10)
}
