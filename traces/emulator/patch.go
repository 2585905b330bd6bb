package emulator

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Patched returns a copy of the kernel with a change in a function: wherever a pattern is found,
// bytes from an offset on are replaced. The pattern, bytes in hex with ?? for any, must be there
// as many times as is said.
func (k *Kernel) Patched(function, pattern string, times, at int, put string) (*Kernel, error) {
	want, mask, err := parsePattern(pattern)
	if err != nil {
		return nil, err
	}
	with, err := hex.DecodeString(strings.ReplaceAll(put, " ", ""))
	if err != nil || at+len(with) > len(want) {
		return nil, fmt.Errorf("emulator: %q is no change of %q", put, pattern)
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
	changed.segments = slices.Clone(k.segments)
	addr := k.symbols[function] - k.offset
	for i := range changed.segments {
		s := &changed.segments[i]
		if off := addr - s.pa; off < uint64(len(s.bytes)) {
			s.bytes = slices.Clone(s.bytes)
			for _, p := range places {
				copy(s.bytes[off+uint64(p+at):], with)
			}
		}
	}
	return &changed, nil
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
