// Package controls breaks real kernels on purpose: it patches machine code, so that a boot
// which is recorded and judged must show the broken rule. A judge that finds nothing in
// these finds nothing at all.
package controls

import (
	"bytes"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/traces/kernel"
	"github.com/ptcheck/ptcheck/traces/kernel/symbols"
)

// Control is a way to break a kernel, and what must be said about it.
type Control struct {
	Name string
	// What is taken from the kernel, in a few words.
	What string
	Bits int // of the kernels that it is for: 32 (PAE) or 64

	// Function is the function that is patched, "" if Append does it.
	Function string
	// Old and New are bytes in hex, as a disassembler shows them; ".." in Old stands for any
	// byte and in New for the byte that was there. Old must be there once.
	Old, New string

	CPU    string // QEMU's name of the processor, "" for the usual one
	Append string // more of the kernel's command line

	// Rule is what must be found, and Where a function that must be named: "" if it is broken
	// by what is missing.
	Rule, Where string
}

// afterEntry are the bytes that begin functions: the call that ftrace replaces while the
// kernel boots, which must stay as it is.
const afterEntry = "e8 .. .. .. .. "

// returns has a function return 0 at once.
const returns = afterEntry + "31 c0 c3"

// List are all controls.
func List() []Control {
	return []Control{
		{Name: "no-invlpg", What: "the flush of one address", Bits: 64, Function: "native_flush_tlb_one_user",
			Old: afterEntry + "55 48 89", New: returns, Rule: "changes-flushed"},
		{Name: "no-local-flush", What: "the flush of all addresses of a process", Bits: 64, Function: "native_flush_tlb_local",
			Old: "0f 20 d8 0f 22 d8", New: "90 90 90 90 90 90", Rule: "changes-flushed"},
		{Name: "no-mm-flush", What: "the flush after munmap and mprotect", Bits: 64, Function: "flush_tlb_mm_range",
			Old: afterEntry + "41 55 49", New: returns, Rule: "changes-flushed"},
		{Name: "no-global-flush", What: "the flush after a change of attributes", Bits: 64, Function: "flush_tlb_all",
			Old: afterEntry + "49 c7 c0", New: returns, Rule: "changes-flushed"},
		{Name: "text-writable", What: "the write protection of code", Bits: 64, Function: "mark_rodata_ro",
			Old: afterEntry + "41 54 49", New: returns, Rule: "no-write-execute"},
		{Name: "data-executable", What: "NX from the kernel's data", Bits: 64, Function: "set_memory_nx",
			Old: afterEntry + "48 83 ec", New: returns, Rule: "no-write-execute"},
		{Name: "user-executable", What: "NX from the memory of processes", Bits: 64, Function: "vm_get_page_prot",
			Old: "48 0b 05 .. .. .. ..", New: "48 0f ba f0 3f 66 90", Rule: "user-no-execute"},
		{Name: "no-isolation", What: "the tables without the kernel", Bits: 64, Function: "pti_check_boottime_disable",
			Old: afterEntry + "48 83 ec", New: returns, CPU: "Skylake-Client", Rule: "user-kernel-split"},
		{Name: "halves", What: "the one store of a whole entry", Bits: 64, Function: "native_set_pte",
			Old: "48 89 37 e9 .. .. .. ..", New: "89 37 48 89 37 c3 cc cc", Rule: "changes-flushed", Where: "vmap_range_noflush"},
		{Name: "kernel-open", What: "the kernel's pages from user mode's reach", Bits: 64, Function: "set_memory_rw",
			Old: "ba 02 00 00 00", New: "ba 06 00 00 00", Rule: "user-kernel-split", Where: "__change_page_attr"},
		{Name: "past-the-end", What: "the end of memory", Bits: 64, Function: "phys_pte_init",
			Old: "4c 39 ff 72", New: "4c 39 ff eb", Rule: "ram-only", Where: "set_pte"},
		{Name: "torn-entry", What: "the order of the halves of an entry", Bits: 32, Function: "set_pte_vaddr",
			Old: "89 7a 04 89 32", New: "89 32 89 7a 04", Rule: "no-torn-entry", Where: "set_pte_vaddr"},
		{Name: "nopti", What: "the isolation of the kernel, by the command line", Bits: 64, CPU: "Skylake-Client", Append: "nopti",
			Rule: "user-kernel-split"},
		{Name: "rodata=off", What: "the protection of code and data, by the command line", Bits: 64, Append: "rodata=off",
			Rule: "no-write-execute"},
	}
}

// Apply patches a kernel: its uncompressed ELF file, which img is of. The image stays as it
// is.
func (c *Control) Apply(img *symbols.Image) ([]byte, error) {
	out := bytes.Clone(img.ELF)
	if c.Function == "" {
		return out, nil
	}
	list, err := img.Symbols()
	if err != nil {
		return nil, err
	}
	start, size, ok := extent(list, c.Function)
	code := img.Bytes(start, size)
	if !ok || code == nil {
		return nil, fmt.Errorf("controls: %s: the kernel has no function %s", c.Name, c.Function)
	}
	old, err := parse(c.Old)
	if err != nil {
		return nil, fmt.Errorf("controls: %s: %w", c.Name, err)
	}
	patch, err := parse(c.New)
	if err != nil {
		return nil, fmt.Errorf("controls: %s: %w", c.Name, err)
	}
	at, err := old.find(code)
	if err != nil || len(patch) > len(code)-at {
		return nil, fmt.Errorf("controls: %s: %s: %q: %w", c.Name, c.Function, c.Old, err)
	}
	// The code is a part of img.ELF; the same part of the copy is patched.
	off := bytes.Index(img.ELF, code)
	for i, p := range patch {
		if !p.any {
			out[off+at+i] = p.value
		}
	}
	return out, nil
}

// extent is where a function is, from its symbol to the next one.
func extent(list []kernel.Symbol, name string) (start uint64, size int, ok bool) {
	for _, s := range list {
		if s.Name != name || s.Type != 'T' && s.Type != 't' {
			continue
		}
		end := sort.Search(len(list), func(i int) bool { return list[i].Addr > s.Addr })
		if end == len(list) {
			return 0, 0, false
		}
		return s.Addr, int(list[end].Addr - s.Addr), true
	}
	return 0, 0, false
}

// pattern are bytes, some of which may be any.
type pattern []struct {
	value byte
	any   bool
}

func parse(hex string) (pattern, error) {
	words := strings.Fields(hex)
	p := make(pattern, len(words))
	for i, w := range words {
		if w == ".." {
			p[i].any = true
			continue
		}
		v, err := strconv.ParseUint(w, 16, 8)
		if err != nil || len(w) != 2 {
			return nil, fmt.Errorf("%q is no byte in hex", w)
		}
		p[i].value = byte(v)
	}
	return p, nil
}

// find is where the pattern is; it must be there once.
func (p pattern) find(code []byte) (int, error) {
	found := -1
	for at := 0; at+len(p) <= len(code); at++ {
		if !p.matches(code[at:]) {
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("the bytes are there more than once, at %#x and %#x", found, at)
		}
		found = at
	}
	if found < 0 {
		return 0, fmt.Errorf("the bytes are not there")
	}
	return found, nil
}

func (p pattern) matches(code []byte) bool {
	for i, b := range p {
		if !b.any && code[i] != b.value {
			return false
		}
	}
	return true
}
