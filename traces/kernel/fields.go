package kernel

import (
	"bytes"
	"fmt"
)

// fields takes a line apart, one field after the other. The first mistake is kept.
type fields struct {
	rest []byte
	err  error
}

// word is the next field, empty if there is none.
func (f *fields) word() []byte {
	w, rest, _ := bytes.Cut(f.rest, space)
	f.rest = rest
	return w
}

var space = []byte{' '}

// more reports whether a field follows.
func (f *fields) more() bool { return len(f.rest) > 0 }

// flag takes the next field if it is a word.
func (f *fields) flag(word string) bool {
	rest, ok := bytes.CutPrefix(f.rest, []byte(word))
	if !ok || len(rest) > 0 && rest[0] != ' ' {
		return false
	}
	f.word()
	return true
}

// hex is the next field as a number in base 16.
func (f *fields) hex(what string) uint64 {
	w := f.word()
	v, ok := parseHex(w)
	if !ok {
		f.wrong(what, w)
	}
	return v
}

func parseHex(w []byte) (v uint64, ok bool) {
	if len(w) == 0 || len(w) > 16 {
		return 0, false
	}
	for _, c := range w {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint64(c)
	}
	return v, true
}

// index is the next field as a number in base 16 from lo to hi.
func (f *fields) index(what string, lo, hi int) int {
	v := f.hex(what)
	if f.err == nil && (v < uint64(lo) || v > uint64(hi)) {
		f.err = fmt.Errorf("the %s must be %x to %x, it is %x", what, lo, hi, v)
	}
	return int(v)
}

// dec is the next field as a number in base 10, which may be negative.
func (f *fields) dec(what string) int64 {
	w := f.word()
	digits, neg := bytes.CutPrefix(w, []byte{'-'})
	var v uint64
	ok := len(digits) > 0 && len(digits) < 20
	for _, c := range digits {
		ok = ok && c >= '0' && c <= '9'
		v = v*10 + uint64(c-'0')
	}
	limit := uint64(1)<<63 - 1
	if neg {
		limit++
	}
	if !ok || v > limit {
		f.wrong(what, w)
		return 0
	}
	if neg {
		return int64(-v)
	}
	return int64(v)
}

// small is the next field as a number in base 10 from lo to hi.
func (f *fields) small(what string, lo, hi int) int {
	v := f.dec(what)
	if f.err == nil && (v < int64(lo) || v > int64(hi)) {
		f.err = fmt.Errorf("the %s must be %d to %d, it is %d", what, lo, hi, v)
	}
	return int(v)
}

// wrong notes that a field is not what it must be.
func (f *fields) wrong(what string, got []byte) {
	switch {
	case f.err != nil:
	case len(got) == 0:
		f.err = fmt.Errorf("the %s is missing", what)
	default:
		f.err = fmt.Errorf("the %s is no number: %.20q", what, got)
	}
}

// end refuses what is left.
func (f *fields) end() error {
	if f.err == nil && f.more() {
		f.err = fmt.Errorf("more than belongs on such a line: %.20q", f.rest)
	}
	return f.err
}
