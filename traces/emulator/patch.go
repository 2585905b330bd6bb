package emulator

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Patched returns a copy of the kernel with a change in a function: wherever a pattern is found,
// bytes from an offset on are replaced. The pattern, bytes in hex with ?? for any, must be there
// as many times as is said. In what is put there, $N is byte N of what was found.
func (k *Kernel) Patched(function, pattern string, times, at int, put string) (*Kernel, error) {
	want, mask, err := parsePattern(pattern)
	if err != nil {
		return nil, err
	}
	with := strings.Fields(put)
	if at+len(with) > len(want) {
		return nil, fmt.Errorf("emulator: %q at %d is no change of %q: it is too long", put, at, pattern)
	}
	code := k.body(function)
	if code == nil {
		return nil, fmt.Errorf("it has no function %s", function)
	}
	var places []int
	for i := 0; i+len(want) <= len(code); i++ {
		if matches(code[i:], want, mask) {
			places = append(places, i)
		}
	}
	if len(places) != times {
		return nil, fmt.Errorf("%s has %d places like %q, not %d", function, len(places), pattern, times)
	}
	changed := *k
	changed.original = k.Original()
	changed.segments = slices.Clone(k.segments)
	addr := k.symbols[function] - k.offset
	for i := range changed.segments {
		s := &changed.segments[i]
		if off := addr - s.pa; off < uint64(len(s.bytes)) {
			s.bytes = slices.Clone(s.bytes)
			for _, p := range places {
				found := code[p : p+len(want)]
				for j, w := range with {
					if s.bytes[off+uint64(p+at+j)], err = putByte(w, found); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	return &changed, nil
}

// putByte is a byte that is put somewhere: hex, or $N for byte N of what was found there.
func putByte(word string, found []byte) (byte, error) {
	if n, ok := strings.CutPrefix(word, "$"); ok {
		if i, err := strconv.Atoi(n); err == nil && i >= 0 && i < len(found) {
			return found[i], nil
		}
	} else if b, err := strconv.ParseUint(word, 16, 8); err == nil {
		return byte(b), nil
	}
	return 0, fmt.Errorf("emulator: %q is no byte", word)
}

// body is the code of a function, up to the next symbol of another address.
func (k *Kernel) body(function string) []byte {
	addr := k.symbols[function]
	i, found := slices.BinarySearchFunc(k.sorted, addr, func(s kernel.Symbol, a uint64) int { return cmp.Compare(s.Addr, a) })
	if addr == 0 || !found {
		return nil
	}
	for ; i < len(k.sorted); i++ {
		if k.sorted[i].Addr > addr {
			return k.at(addr, int(k.sorted[i].Addr-addr))
		}
	}
	return nil
}

func parsePattern(pattern string) (want []byte, mask []bool, err error) {
	for _, w := range strings.Fields(pattern) {
		if w == "??" {
			want, mask = append(want, 0), append(mask, false)
			continue
		}
		b, err := hex.DecodeString(w)
		if err != nil {
			return nil, nil, fmt.Errorf("emulator: %q is no pattern", pattern)
		}
		for _, c := range b {
			want, mask = append(want, c), append(mask, true)
		}
	}
	return want, mask, nil
}

func matches(code, want []byte, mask []bool) bool {
	for i, b := range want {
		if mask[i] && code[i] != b {
			return false
		}
	}
	return true
}
