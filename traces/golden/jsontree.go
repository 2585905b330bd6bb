package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// nodeKind is the kind of a JSON value.
type nodeKind byte

const (
	kindNull nodeKind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
	kindMissing // what is not there
)

// String names the kind for messages.
func (k nodeKind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object", "nothing"}[k]
}

// node is a JSON value. Text is the literal of a boolean or number or the
// decoded text of a string; keys[i] belongs to items[i] in an object.
type node struct {
	kind  nodeKind
	at    int // where it begins in the text, in bytes
	text  string
	keys  []string
	items []node
}

// parseJSON parses data as exactly one JSON value.
func parseJSON(file string, data []byte) (*node, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &Error{File: file, Reason: "empty file"}
	}
	if off := invalidUTF8(data); off >= 0 {
		return nil, syntaxError(file, data, off, "invalid UTF-8")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		var syn *json.SyntaxError
		if !errors.As(err, &syn) {
			return nil, &Error{File: file, Reason: err.Error(), Err: err}
		}
		// Offset counts the bytes read, the offending one included, unless
		// the input just ended.
		off := int(syn.Offset) - 1
		if strings.HasPrefix(syn.Error(), "unexpected end") {
			off = len(data)
		}
		return nil, syntaxError(file, data, off, syn.Error())
	}
	b := &treeBuilder{data: data}
	root := b.value()
	return &root, nil
}

// invalidUTF8 returns the offset of the first byte that is not valid UTF-8,
// or -1.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// syntaxError places reason at byte offset off of data.
func syntaxError(file string, data []byte, off int, reason string) *Error {
	off = max(0, min(off, len(data)))
	before := data[:off]
	return &Error{
		File:   file,
		Line:   1 + bytes.Count(before, []byte{'\n'}),
		Col:    off - bytes.LastIndexByte(before, '\n'),
		Reason: "JSON: " + reason,
	}
}

// treeBuilder turns JSON text already known to be valid into nodes.
type treeBuilder struct {
	data []byte
	pos  int
}

// space skips white space.
func (b *treeBuilder) space() {
	for b.pos < len(b.data) && strings.IndexByte(" \t\r\n", b.data[b.pos]) >= 0 {
		b.pos++
	}
}

// value builds the value at the position.
func (b *treeBuilder) value() node {
	b.space()
	at := b.pos
	n := b.bare()
	n.at = at
	return n
}

// bare builds the value that begins at the position.
func (b *treeBuilder) bare() node {
	switch c := b.data[b.pos]; c {
	case '{':
		return b.object()
	case '[':
		return b.array()
	case '"':
		return node{kind: kindString, text: b.str()}
	default:
		start := b.pos
		for b.pos < len(b.data) && strings.IndexByte(" \t\r\n,]}", b.data[b.pos]) < 0 {
			b.pos++
		}
		n := node{kind: kindNumber, text: string(b.data[start:b.pos])}
		switch c {
		case 'n':
			n.kind = kindNull
		case 't', 'f':
			n.kind = kindBool
		}
		return n
	}
}

// str builds the string at the position.
func (b *treeBuilder) str() string {
	start := b.pos
	escaped := false
	for b.pos++; b.data[b.pos] != '"'; b.pos++ {
		if b.data[b.pos] == '\\' {
			escaped = true
			b.pos++
		}
	}
	b.pos++
	if !escaped {
		return string(b.data[start+1 : b.pos-1])
	}
	var s string
	// The text was found valid before, so this cannot fail.
	_ = json.Unmarshal(b.data[start:b.pos], &s)
	return s
}

// array builds the list at the position.
func (b *treeBuilder) array() node {
	n := node{kind: kindArray}
	for b.pos++; !b.closed(']'); {
		n.items = append(n.items, b.value())
	}
	return n
}

// object builds the object at the position.
func (b *treeBuilder) object() node {
	n := node{kind: kindObject}
	for b.pos++; !b.closed('}'); {
		n.keys = append(n.keys, b.str())
		b.space()
		b.pos++ // the colon
		n.items = append(n.items, b.value())
	}
	return n
}

// closed skips a comma before the next element, or consumes the closing
// bracket and reports true.
func (b *treeBuilder) closed(bracket byte) bool {
	b.space()
	switch b.data[b.pos] {
	case bracket:
		b.pos++
		return true
	case ',':
		b.pos++
		b.space()
	}
	return false
}

// lineOf is the line, counted from 1, where the value at a path begins, or what is nearest
// to it; 0 in a text of one line, where it would tell nothing.
func lineOf(root *node, text []byte, path string) int {
	if root == nil || !bytes.ContainsRune(bytes.TrimSpace(text), '\n') {
		return 0
	}
	n, at := root, ""
	for down := true; down && at != path; {
		down = false
		// From the end: of a key that stands there twice, the second is wrong.
		for i := len(n.items) - 1; i >= 0 && !down; i-- {
			p := element(at, i)
			if n.kind == kindObject {
				p = join(at, n.keys[i])
			}
			if rest, ok := strings.CutPrefix(path, p); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				n, at, down = &n.items[i], p, true
			}
		}
	}
	return 1 + bytes.Count(text[:n.at], []byte{'\n'})
}
