package recorded

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// symbols name the code of a recording.
type symbols struct {
	code  []kernel.Symbol // by address
	sites map[uint64][]kernel.Site
}

// newSymbols takes the symbols that a recording ends with.
func newSymbols(r *kernel.Reader) *symbols {
	s := &symbols{sites: map[uint64][]kernel.Site{}}
	for _, x := range r.Symbols {
		if strings.IndexByte("tTwW", x.Type) >= 0 {
			s.code = append(s.code, x)
		}
	}
	// Of several names of a place the one with the fewest underscores in front says most.
	slices.SortStableFunc(s.code, func(a, b kernel.Symbol) int {
		return cmp.Or(cmp.Compare(a.Addr, b.Addr), cmp.Compare(underscores(b.Name), underscores(a.Name)))
	})
	for _, x := range r.Sites {
		s.sites[x.Addr] = append(s.sites[x.Addr], x)
	}
	return s
}

func underscores(name string) int { return len(name) - len(strings.TrimLeft(name, "_")) }

// lowerHalf is where 32-bit kernels are linked: PAGE_OFFSET. Their first code runs at the
// addresses without it.
const lowerHalf = 0xc000_0000

// function is the function that an address belongs to, with the distance to its start; ""
// if no symbol says.
func (s *symbols) function(addr uint64) (name string, offset uint64) {
	for _, a := range []uint64{addr, addr + lowerHalf} {
		i, exact := slices.BinarySearchFunc(s.code, a, func(x kernel.Symbol, a uint64) int { return cmp.Compare(x.Addr, a) })
		for exact && i+1 < len(s.code) && s.code[i+1].Addr == a {
			i++
		}
		if !exact {
			i--
		}
		if i >= 0 && a-s.code[i].Addr < maxFunction {
			return s.code[i].Name, a - s.code[i].Addr
		}
	}
	return "", 0
}

// maxFunction is how large a function may be in bytes: what is farther from the last
// symbol in front of it has no name.
const maxFunction = 1 << 16

// stack is the code of an instruction and of its callers, innermost first. Where there is
// debug data the functions that were inlined have a site each.
func (s *symbols) stack(rip uint64, callers []uint64) []reports.Site {
	out := s.at(rip)
	for _, c := range callers {
		out = append(out, s.at(c)...)
	}
	return out
}

func (s *symbols) at(addr uint64) (out []reports.Site) {
	for _, x := range s.sites[addr] {
		// Where the kernel was built is nothing that a report depends on.
		file := strings.TrimLeft(x.File, "./")
		out = append(out, reports.Site{Function: x.Function, File: file, Line: x.Line, Outside: true, Path: x.File})
	}
	if out == nil {
		out = []reports.Site{{Function: s.name(addr), Outside: true}}
	}
	return out
}

// name is function+offset, or the address.
func (s *symbols) name(addr uint64) string {
	name, off := s.function(addr)
	if name == "" {
		return fmt.Sprintf("%#x", addr)
	}
	return fmt.Sprintf("%s+%#x", name, off)
}

// primitives are functions that store what they are given: who calls them says more.
var primitives = []string{"native_set_pte", "native_set_pmd", "native_set_pud", "native_set_p4d", "native_set_pgd", "native_pte_clear",
	"native_write_cr3", "native_write_cr4", "atomic64_xchg_cx8", "set_64bit", "set_pte_vaddr", "memset", "memcpy"}

// telling is the innermost site of a stack whose function is no primitive; the innermost of
// all if there is no other.
func telling(stack []reports.Site) *reports.Site {
	for i := range stack {
		name, _, _ := strings.Cut(stack[i].Function, "+")
		if !slices.Contains(primitives, name) {
			return &stack[i]
		}
	}
	if len(stack) == 0 {
		return nil
	}
	return &stack[0]
}
