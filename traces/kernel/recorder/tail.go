package recorder

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/traces/kernel"
	"github.com/ptcheck/ptcheck/traces/kernel/symbols"
)

// tailPart is what follows the events of a recording.
type tailPart struct {
	totals  kernel.Totals
	symbols []kernel.Symbol
	sites   []kernel.Site

	code  []uint64 // addresses of instructions, ascending
	slide uint64
}

// newTail finds the names of what occurs in the events.
func newTail(k *booted, e *events) *tailPart {
	t := &tailPart{totals: e.readTotals(), code: slices.Sorted(maps.Keys(e.code))}
	slide, ok := k.Slide(e.places)
	if !ok {
		return t // wrong names would be worse than none
	}
	t.slide = slide
	t.symbols = needed(k.Moved(slide), t.code)
	return t
}

// needed are the symbols whose functions occur, and those that say where parts of the
// kernel lie and how its tables are called. list and code are ascending.
func needed(list []kernel.Symbol, code []uint64) []kernel.Symbol {
	var kept []kernel.Symbol
	next := 0
	for i := 0; i < len(list); {
		end := i + 1 // the symbols of an address stand together
		for end < len(list) && list[end].Addr == list[i].Addr {
			end++
		}
		for next < len(code) && code[next] < list[i].Addr {
			next++
		}
		occurs := next < len(code) && (end == len(list) || code[next] < list[end].Addr)
		for _, s := range list[i:end] {
			if occurs && isCode(s) || isLandmark(s.Name) {
				kept = append(kept, s)
			}
		}
		i = end
	}
	return kept
}

func isCode(s kernel.Symbol) bool { return strings.IndexByte("TtWw", s.Type) >= 0 }

// isLandmark reports whether a symbol is worth keeping whatever the events are
// (include/asm-generic/sections.h, arch/x86/include/asm/pgtable*.h).
func isLandmark(name string) bool {
	switch name {
	case "_text", "_stext", "_etext", "_sdata", "_edata", "_end", "__start_rodata", "__end_rodata", "__init_begin", "__init_end",
		"__bss_start", "__bss_stop", "__brk_base", "__brk_limit", "_sinittext", "_einittext", "hypercall_page", "bm_pte":
		return true
	}
	return strings.HasPrefix(name, "swapper_pg_") || strings.HasPrefix(name, "initial_pg_") || strings.HasSuffix(name, "_pgt")
}

// addLines adds the places in the source of all instructions.
func (t *tailPart) addLines(vmlinux string) error {
	l, err := symbols.OpenLines(vmlinux)
	if err != nil {
		return fmt.Errorf("recorder: %s: %w", vmlinux, err)
	}
	defer l.Close()
	for _, at := range t.code {
		sites, err := l.At(at - t.slide)
		if err != nil {
			return fmt.Errorf("recorder: %s: %w", vmlinux, err)
		}
		for _, s := range sites {
			s.Addr = at
			t.sites = append(t.sites, s)
		}
	}
	return nil
}
