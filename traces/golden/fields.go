package golden

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/internal/names"
)

// maxRefusals is how many things that are wrong with one file are told.
const maxRefusals = 20

// reader reads typed values out of nodes. What is refused or missing reads as zero. Of a
// dump the first refusal is told, and nothing is read after it; of a configuration, which
// people write, all are.
type reader struct {
	file string
	all  bool
	errs []*Error
}

// failed reports whether something was refused.
func (r *reader) failed() bool { return len(r.errs) > 0 }

// over reports whether there is nothing more to be told.
func (r *reader) over() bool { return r.failed() && !r.all || len(r.errs) >= maxRefusals }

// fail records a refusal at path.
func (r *reader) fail(path, format string, args ...any) {
	if r.over() {
		return
	}
	for _, e := range r.errs {
		if e.Path == path {
			return // one is enough of a value
		}
	}
	r.errs = append(r.errs, &Error{File: r.file, Path: path, Reason: fmt.Sprintf(format, args...)})
}

// refusal is what was refused, nil for nothing, with the lines of the text where it
// stands.
func (r *reader) refusal(root *node, text []byte) error {
	var list []error
	for _, e := range r.errs {
		e.Line = lineOf(root, text, e.Path)
		list = append(list, e)
	}
	if len(list) == 1 {
		return list[0]
	}
	return errors.Join(list...)
}

// want checks the kind of a value.
func (r *reader) want(path string, n *node, kind nodeKind) bool {
	if n.kind != kind && n.kind != kindMissing {
		r.fail(path, "want %v, found %v", kind, n.kind)
	}
	return n.kind == kind && !r.over()
}

// hex reads a string "0x…" in lower case without padding, at most limit.
func (r *reader) hex(path string, n *node, limit uint64) uint64 {
	if !r.want(path, n, kindString) {
		return 0
	}
	digits, ok := strings.CutPrefix(n.text, "0x")
	canonical := ok && digits != "" && strings.Trim(digits, "0123456789abcdef") == ""
	switch {
	case !canonical:
		r.fail(path, "%s is not a lower-case hex number \"0x…\"", quote(n.text))
		return 0
	case len(digits) > 1 && digits[0] == '0':
		r.fail(path, "%s is padded with zeros", quote(n.text))
		return 0
	}
	v, err := strconv.ParseUint(digits, 16, 64)
	if err != nil || v > limit {
		r.fail(path, "%s is out of range: at most %#x", quote(n.text), limit)
		return 0
	}
	return v
}

// page reads a page-aligned 32-bit address.
func (r *reader) page(path string, n *node) uint64 {
	v := r.hex(path, n, va32-1)
	if v%PageSize != 0 {
		r.fail(path, "%#x is not page aligned", v)
	}
	return v
}

// integer reads a plain decimal number between lo and hi.
func (r *reader) integer(path string, n *node, lo, hi int64) int64 {
	if !r.want(path, n, kindNumber) {
		return 0
	}
	v, err := strconv.ParseInt(n.text, 10, 64)
	switch {
	case err != nil && strings.ContainsAny(n.text, ".eE"), n.text == "-0":
		r.fail(path, "%s is not a whole number", short(n.text))
	case err != nil || v < lo || v > hi:
		r.fail(path, "%s is out of range: from %d to %d", short(n.text), lo, hi)
	default:
		return v
	}
	return 0
}

// flag reads a number 0 or 1.
func (r *reader) flag(path string, n *node) bool {
	if !r.want(path, n, kindNumber) {
		return false
	}
	if n.text != "0" && n.text != "1" {
		r.fail(path, "%s is not a flag: 0 or 1", short(n.text))
	}
	return n.text == "1"
}

// text reads a string.
func (r *reader) text(path string, n *node) string {
	if !r.want(path, n, kindString) {
		return ""
	}
	return n.text
}

// tuple reads a list of exactly length elements.
func (r *reader) tuple(path string, n *node, length int) []node {
	if !r.want(path, n, kindArray) {
		return nil
	}
	if len(n.items) != length {
		r.fail(path, "want a list of %d elements, found %d", length, len(n.items))
		return nil
	}
	return n.items
}

// list reads a list of any length.
func (r *reader) list(path string, n *node) []node {
	if !r.want(path, n, kindArray) {
		return nil
	}
	return n.items
}

// object opens an object whose keys are exactly those of required, plus any
// of optional.
func (r *reader) object(path string, n *node, required, optional []string) fields {
	f := fields{reader: r, path: path}
	if !r.want(path, n, kindObject) {
		return f
	}
	f.values = make(map[string]*node, len(n.keys))
	for _, k := range append(required[:len(required):len(required)], optional...) {
		f.values[k] = nil
	}
	for i, k := range n.keys {
		old, known := f.values[k]
		switch {
		case !known:
			r.fail(join(path, k), "unknown key%s", r.hint(join(path, k), k, slices.Sorted(maps.Keys(f.values))))
			continue
		case old != nil:
			r.fail(join(path, k), "duplicate key")
		}
		f.values[k] = &n.items[i]
	}
	for _, k := range required {
		if f.values[k] == nil {
			r.fail(join(path, k), "missing key")
		}
	}
	return f
}

// hint says what may be meant by a key that is not known where it stands.
func (r *reader) hint(path, key string, known []string) string {
	for _, k := range Keys() {
		switch {
		case k.Name != strings.TrimPrefix(path, "config."):
		case k.Flavour == Native:
			return " for flavour xen"
		case k.Flavour == Xen && k.Mode == "":
			return " for flavour native"
		case k.Mode == PAE:
			return " for mode 2level"
		}
	}
	return names.DidYouMean(key, known)
}

// fields is an opened object.
type fields struct {
	*reader
	path   string
	values map[string]*node
}

// has reports whether the key is present.
func (f fields) has(key string) bool { return f.values[key] != nil }

// at returns path and value of a key, a missing one if it is not there.
func (f fields) at(key string) (string, *node) {
	if n := f.values[key]; n != nil {
		return join(f.path, key), n
	}
	return join(f.path, key), &node{kind: kindMissing}
}

// join appends a key to a path. A key that is not a plain word is quoted.
func join(path, key string) string {
	if key == "" || len(key) > maxQuote || strings.Trim(key, wordChars) != "" {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// element appends a list index to a path.
func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

const (
	wordChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	// maxQuote is the number of bytes of foreign text a message repeats.
	maxQuote = 40
)

// short shortens a number for a message.
func short(s string) string {
	if len(s) > maxQuote {
		return s[:maxQuote] + "..."
	}
	return s
}

// quote quotes foreign text for a one-line message, shortened.
func quote(s string) string {
	if len(s) > maxQuote {
		return strconv.QuoteToASCII(s[:maxQuote]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
