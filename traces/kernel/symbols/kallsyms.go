package symbols

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// The kernel's own table of symbols is several arrays in its read-only data
// (scripts/kallsyms.c, kernel/kallsyms_internal.h):
//
//	kallsyms_offsets, kallsyms_relative_base, kallsyms_num_syms, kallsyms_names,
//	kallsyms_markers, kallsyms_token_table, kallsyms_token_index
//
// and since 6.4 offsets and base follow the token index. A stripped kernel does not say where
// they are. But they can be told by what they must be: the token table has the digits one
// after the other, the token index and the markers grow in bounds, and the names, each
// behind its length, must be as long as the markers say.
type table struct {
	data    []byte
	word    int // bytes of an address
	tokens  []string
	afterTI int // behind the token index
	markers []uint32
	at      int // of the markers
	names   int // where the names begin
	count   int
	before  int // where the number of symbols is
}

// Bounds of 256 names in bytes, and of the space that is searched.
const (
	markEach   = 256
	minMarker  = 700
	maxMarker  = 14000
	maxTokens  = 4096
	searchBack = 4 << 20
	maxSymbols = 1 << 20
)

// errNoTable is the answer for kernels without a table.
var errNoTable = errors.New("symbols: the kernel has no table of symbols that can be read (CONFIG_KALLSYMS)")

// Symbols are the kernel's symbols by ascending address, as it was linked.
func (img *Image) Symbols() ([]kernel.Symbol, error) {
	t := &table{data: img.ELF, word: img.Bits / 8}
	for from := 0; t.findTokens(&from); {
		if t.findMarkers(from) && t.findNames() {
			if list := t.read(); list != nil {
				return list, nil
			}
		}
		from++
	}
	return nil, errNoTable
}

func (t *table) u32(at int) uint32 {
	if at < 0 || at+4 > len(t.data) {
		return 0
	}
	return binary.LittleEndian.Uint32(t.data[at:])
}

// digits are the tokens of the characters 0 to 9, which stand for themselves.
const digits = "0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00"

// findTokens finds the next token table from a place on. from becomes the place of the
// digits in it.
func (t *table) findTokens(from *int) bool {
	for {
		i := bytes.Index(t.data[min(*from, len(t.data)):], []byte(digits))
		if i < 0 {
			return false
		}
		*from += i
		for at := (*from + len(digits)) &^ 3; at < *from+maxTokens; at += 4 {
			if t.takeIndex(at, *from) {
				return true
			}
		}
		*from++
	}
}

// takeIndex reads the tokens if the token index is at a place.
func (t *table) takeIndex(at, digitsAt int) bool {
	if at < 0 || at+2*markEach > len(t.data) {
		return false
	}
	index := make([]int, markEach)
	for i := range index {
		index[i] = int(binary.LittleEndian.Uint16(t.data[at+2*i:]))
		if i == 0 && index[0] != 0 || i > 0 && index[i] <= index[i-1] {
			return false
		}
	}
	start := digitsAt - index['0']
	if index['9']-index['0'] != 18 || start < 0 || start+index[markEach-1] >= at {
		return false
	}
	t.tokens = t.tokens[:0]
	for _, i := range index {
		token, _, ok := bytes.Cut(t.data[start+i:at], []byte{0})
		if !ok {
			return false
		}
		t.tokens = append(t.tokens, string(token))
	}
	t.afterTI = at + 2*markEach
	return true
}

// findMarkers finds the markers in front of the tokens: every 256th name's place among the
// names, the first being 0.
func (t *table) findMarkers(tokens int) bool {
	for at := tokens &^ 3; at >= 0 && at > tokens-searchBack; at -= 4 {
		if t.u32(at) != 0 || !marks(t.u32(at+4), 0) {
			continue
		}
		t.markers = t.markers[:0]
		for i, last := at, uint32(0); i+4 <= tokens && (i == at || marks(t.u32(i), last)); i += 4 {
			last = t.u32(i)
			t.markers = append(t.markers, last)
		}
		if len(t.markers) >= 20 {
			t.at = at
			return true
		}
	}
	return false
}

func marks(v, last uint32) bool { return v > last+minMarker && v < last+maxMarker }

// findNames finds where the names begin: in front of the markers, and so that the markers
// are right.
func (t *table) findNames() bool {
	last := int(t.markers[len(t.markers)-1])
	for s := (t.at - last) &^ 3; s > t.at-last-maxMarker*2 && s >= t.word; s -= 4 {
		if t.skip(s, markEach) != int(t.markers[1]) || t.skip(s, 2*markEach) != int(t.markers[2]) {
			continue
		}
		for _, gap := range []int{4, 8} {
			n := int(t.u32(s - gap))
			if n > 0 && n <= maxSymbols && (n+markEach-1)/markEach == len(t.markers) {
				t.names, t.count, t.before = s, n, s-gap
				return true
			}
		}
	}
	return false
}

// length is the length of the name at a place in tokens, and where those begin. Long names
// have it in two bytes.
func (t *table) length(at int) (n, tokens int) {
	if at+1 >= len(t.data) {
		return 0, at + 1
	}
	n = int(t.data[at])
	if n&0x80 == 0 {
		return n, at + 1
	}
	return n&0x7f | int(t.data[at+1])<<7, at + 2
}

// skip is how many bytes n names take.
func (t *table) skip(from, n int) int {
	at := from
	for range n {
		l, tokens := t.length(at)
		at = tokens + l
	}
	return at - from
}

// read reads the symbols, nil if their addresses cannot be found.
func (t *table) read() []kernel.Symbol {
	names, ok := t.readNames()
	if !ok {
		return nil
	}
	for _, offsets := range t.places() {
		if list := t.symbols(names, offsets); list != nil {
			return list
		}
	}
	return nil
}

// readNames are the names, each behind its type.
func (t *table) readNames() ([]string, bool) {
	names := make([]string, 0, t.count)
	at := t.names
	var b []byte
	for range t.count {
		n, tokens := t.length(at)
		if n == 0 || tokens+n > len(t.data) {
			return nil, false
		}
		b = b[:0]
		for _, c := range t.data[tokens : tokens+n] {
			b = append(b, t.tokens[c]...)
		}
		if len(b) < 2 || !isText(string(b)) {
			return nil, false
		}
		names = append(names, string(b))
		at = tokens + n
	}
	return names, true
}

// array is where offsets and the base that they are relative to may be.
type array struct{ offsets, base int }

// places are the two known orders.
func (t *table) places() []array {
	align := func(v int) int { return v &^ (t.word - 1) }
	base := align(t.before - t.word)
	after := (t.afterTI + 7) &^ 7
	return []array{
		{align(base - 4*t.count), base},
		{t.afterTI, (t.afterTI + 4*t.count + t.word - 1) &^ (t.word - 1)},
		{after, (after + 4*t.count + t.word - 1) &^ (t.word - 1)},
	}
}

// symbols puts names and addresses together. nil: the addresses do not grow, so this is not
// where they are.
func (t *table) symbols(names []string, a array) []kernel.Symbol {
	if a.offsets < 0 || a.base < 0 || a.offsets+4*t.count > len(t.data) || a.base+t.word > len(t.data) {
		return nil
	}
	base := uint64(t.u32(a.base))
	if t.word == 8 {
		base = binary.LittleEndian.Uint64(t.data[a.base:])
	}
	if t.word == 8 && base < 1<<63 || t.word == 4 && base < 1<<28 {
		return nil
	}
	percpu := t.percpu(a.offsets)
	list := make([]kernel.Symbol, 0, t.count)
	for i, name := range names {
		off := t.u32(a.offsets + 4*i)
		addr := base + uint64(off)
		switch {
		case t.word == 4:
			addr &= 1<<32 - 1
		case percpu && int32(off) >= 0:
			addr = uint64(off) // an offset into the memory of a processor
		case percpu:
			addr = base - 1 - uint64(int64(int32(off)))
		}
		if i > 0 && addr < list[i-1].Addr {
			return nil
		}
		list = append(list, kernel.Symbol{Addr: addr, Type: name[0], Name: name[1:]})
	}
	if list[0].Addr == list[len(list)-1].Addr {
		return nil
	}
	return list
}

// percpu reports whether offsets are of the kind where those of the kernel are negative and
// others absolute (CONFIG_KALLSYMS_ABSOLUTE_PERCPU: 64-bit kernels of several processors, to
// 6.14).
func (t *table) percpu(offsets int) bool {
	if t.word == 4 {
		return false
	}
	negative := 0
	for i := range t.count {
		if int32(t.u32(offsets+4*i)) < 0 {
			negative++
		}
	}
	return negative > t.count/2
}
