package machines

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Problem is something wrong with a run.
type Problem struct {
	Rule   string // its name: what shrinking keeps
	Detail string
	Known  bool // of the kernel, and written up: docs/findings.md
}

// key is what makes two problems the same.
func (p *Problem) key() string {
	if p.Rule == ruleBoots {
		return p.Rule + ": " + p.Detail
	}
	return p.Rule
}

// Names of what is always checked of the direct map.
const (
	ruleComplete   = "direct-map-complete"
	ruleTrue       = "direct-map-true"
	ruleHoles      = "holes-unmapped"
	ruleAttributes = "direct-map-attributes"
	ruleLarge      = "large-pages-used"
	ruleFit        = "large-pages-fit"
	ruleEarly      = "early-leaves-gone"
	ruleFaults     = "early-faults-in-memory"
	ruleBoots      = "boots"
	ruleRunner     = "runner-lives"
)

// Rule is a demand that is always made of a kernel's tables.
type Rule struct {
	Name, Says string
	// Known: Debian's kernels 6.1 break it, and docs/findings.md says how. It is counted, and does
	// not fail.
	Known bool
}

// Rules are what is always checked.
func Rules() []Rule {
	return []Rule{
		{Name: ruleComplete, Says: "every page of memory is mapped in the direct map"},
		{Name: ruleHoles, Says: "nothing but memory is mapped there, apart from the first MiB"},
		{Name: ruleTrue, Says: "each address of it leads to the frame that belongs to it"},
		{Name: ruleAttributes, Says: "its leaves grant what kernel data needs, and no more: writable, not for user mode, not executable where the processor can, global where it can and user mode has no tables of its own"},
		{Name: ruleLarge, Says: "leaves are as large as the processor, the command line, the alignment and the memory allow"},
		{Name: ruleFit, Says: "no leaf is larger than that"},
		{Name: ruleEarly, Says: "what the kernel's first instructions mapped where no memory is does not stay (32 bits)", Known: true},
		{Name: ruleFaults, Says: "the early handler of page faults maps nothing but memory (64 bits)", Known: true},
		{Name: ruleBoots, Says: "the kernel comes to the end of its page-table construction: no panic, no fault that cannot be delivered, no halt"},
		{Name: ruleRunner, Says: "the emulator does not die"},
	}
}

// newProblem is a problem with a rule.
func newProblem(rule, detail string) Problem {
	known := slices.ContainsFunc(Rules(), func(r Rule) bool { return r.Name == rule && r.Known })
	return Problem{Rule: rule, Detail: detail, Known: known}
}

// checker compares a direct map with what it must be.
type checker struct {
	e    *expectation
	next uint64 // physical address up to which all was seen
	out  []Problem
	seen map[string]bool
}

// check compares final tables with an expectation. Of each rule the first problem is told.
func (e *expectation) check(t *emulator.Tables) []Problem {
	c := &checker{e: e, seen: map[string]bool{}}
	t.Leaves(func(l emulator.Leaf) bool {
		if l.VA >= e.base && l.VA-e.base < e.window() {
			c.leaf(l)
		}
		return true
	})
	c.upTo(e.top)
	return c.out
}

// window is how much of the address space is looked at.
func (e *expectation) window() uint64 {
	if e.top == reach {
		return reach
	}
	return e.top + guard
}

func (c *checker) problem(rule, format string, args ...any) {
	if !c.seen[rule] {
		c.seen[rule] = true
		c.out = append(c.out, newProblem(rule, fmt.Sprintf(format, args...)))
	}
}

// upTo says that nothing is mapped from what was seen up to an address.
func (c *checker) upTo(pa uint64) {
	for at := c.next; at < pa; {
		size, end := c.e.leaf(at)
		if size != 0 && at < c.e.top {
			c.problem(ruleComplete, "memory at %x is not mapped", at)
			break
		}
		at = end
	}
	c.next = max(c.next, pa)
}

// leaf looks at a leaf of the direct map.
func (c *checker) leaf(l emulator.Leaf) {
	pa := l.VA - c.e.base
	c.upTo(pa)
	c.next = max(c.next, pa+l.Size)
	if l.PA != pa {
		c.problem(ruleTrue, "address %x leads to %x, not to %x", l.VA, l.PA, pa)
	}
	if c.early(&l, pa) {
		return
	}
	c.size(pa, l.Size)
	mask, want := c.e.mask, c.e.want
	if pa < c.e.code.end {
		mask &^= bitNX
	}
	if l.Entry&mask != want&mask {
		c.problem(ruleAttributes, "the leaf of %d KiB at %x is %x: of the bits %x it has %x, it must have %x", l.Size/kib, l.VA, l.Entry, mask, l.Entry&mask, want&mask)
	}
}

// earlyLeaf is what a 32-bit kernel's first instructions map memory with (PTE_IDENT_ATTR).
const earlyLeaf = bitPresent | bitWritable

// early notes a leaf that a 32-bit kernel's first instructions made in a hole: they map all up to
// some way behind the kernel without a look at the memory map, and later only what is memory is
// mapped anew.
func (c *checker) early(l *emulator.Leaf, pa uint64) bool {
	if c.e.code.end == 0 || pa >= c.e.code.end+earlyReach || l.Size != page || l.Entry&^(bitAccessed|bitDirty) != earlyLeaf|l.PA {
		return false
	}
	if size, _ := c.e.leaf(pa); size != 0 {
		return false
	}
	c.problem(ruleEarly, "%x is mapped as the kernel's first instructions did, writable and executable: no memory is there", pa)
	return true
}

// earlyReach is how far behind the kernel its first instructions map (MAPPING_BEYOND_END).
const earlyReach = 8 << 20

// size compares the size of a leaf with what must be there.
func (c *checker) size(pa, got uint64) {
	for at := pa; at < pa+got; {
		want, end := c.e.leaf(at)
		switch {
		case want == 0:
			c.problem(ruleHoles, "%x is mapped, by a leaf of %d KiB: no memory is there", at, got/kib)
		case want > got:
			c.problem(ruleLarge, "%x is mapped by a leaf of %d KiB where one of %d KiB would do", pa, got/kib, want/kib)
			return
		case want < got:
			c.problem(ruleFit, "%x is mapped by a leaf of %d KiB; only one of %d KiB fits at %x", pa, got/kib, want/kib, at)
		}
		at = end
	}
}
