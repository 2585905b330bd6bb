package pipe

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/machine"
)

// fields takes a line apart. The first mistake is kept.
type fields struct {
	rest string
	err  error
}

// word is the next field, empty if there is none.
func (f *fields) word() string {
	w, rest, _ := strings.Cut(f.rest, " ")
	f.rest = rest
	return w
}

// hex is the next field as a number in base 16.
func (f *fields) hex() uint64 {
	w := f.word()
	v, err := strconv.ParseUint(w, 16, 64)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("%.20q is no hexadecimal number of up to 64 bits", w)
	}
	return v
}

// dec is the next field as a decimal number of at least 0.
func (f *fields) dec() int {
	w := f.word()
	v, err := strconv.ParseUint(w, 10, 31)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("%.20q is no decimal number", w)
	}
	return int(v)
}

// memory is a range of memory: the next two fields.
func (f *fields) memory() machine.Range {
	r := machine.Range{Start: f.hex(), End: f.hex()}
	if f.err == nil && r.Start >= r.End {
		f.err = fmt.Errorf("the range %x to %x is empty", r.Start, r.End)
	}
	return r
}

// end refuses what is left.
func (f *fields) end() error {
	if f.err == nil && f.rest != "" {
		f.err = fmt.Errorf("more than belongs there: %.20q", f.rest)
	}
	return f.err
}
