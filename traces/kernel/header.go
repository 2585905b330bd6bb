package kernel

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is the version of the form that this program reads and writes.
const Version = 1

// magic is the first word of a recording.
const magic = "ptcheck-recording"

// Keys of the header that mean something to whoever judges a recording. Others are kept
// as they are.
const (
	KeyBanner   = "banner"        // the kernel's linux_banner
	KeySHA256   = "kernel-sha256" // of the kernel's file
	KeyQEMU     = "qemu"          // its version
	KeyArch     = "arch"          // i386 or amd64
	KeyCPU      = "cpu"           // QEMU's name of the processor
	KeyMemory   = "memory"        // of the machine, in bytes
	KeySMP      = "smp"           // number of processors
	KeyXen      = "xen"           // its version; without it there is no hypervisor
	KeyCmdline  = "cmdline"       // the kernel's command line
	KeyPhysBits = "phys-bits"     // width of the processor's physical addresses
	KeyBugs     = "bugs"          // of the processor, as the kernel's /proc/cpuinfo has them
	KeyPasses   = "passes"        // 2: stores to later tables are recorded too
)

// Pair is a line of the header: a key, which is one word, and the rest of the line.
type Pair struct{ Key, Value string }

// Range is a range of the memory map that the machine was given, its end exclusive.
type Range struct {
	Start, End uint64
	Kind       string // usable, reserved, acpi, nvs, unusable
}

// Usable is the kind of ranges that are ordinary memory.
const Usable = "usable"

// Header says what was recorded.
type Header struct {
	Pairs []Pair
	E820  []Range
}

// Value is the value of a key, "" if there is none.
func (h *Header) Value(key string) string {
	for _, p := range h.Pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// Number is the value of a key that is a number, 0 if there is none.
func (h *Header) Number(key string) uint64 {
	n, _ := strconv.ParseUint(h.Value(key), 10, 64) // the reader has looked at it
	return n
}

// Release is the kernel's release from its banner, such as "6.1.0-47-amd64"; "" if it
// says none.
func (h *Header) Release() string {
	words := strings.Fields(h.Value(KeyBanner))
	if len(words) < 3 || words[0] != "Linux" || words[1] != "version" {
		return ""
	}
	return words[2]
}

// check refuses a header that says too little.
func (h *Header) check() error {
	for _, key := range []string{KeyMemory, KeySMP, KeyPhysBits} {
		v := h.Value(key)
		if key == KeyPhysBits && v == "" {
			continue
		}
		if n, err := strconv.ParseUint(v, 10, 64); err != nil || n == 0 {
			return fmt.Errorf("the header must say %q as a number above 0, it says %q", "# "+key, v)
		}
	}
	switch a := h.Value(KeyArch); a {
	case "i386", "amd64":
	default:
		return fmt.Errorf("the header must say \"# arch i386\" or \"# arch amd64\", it says %q", a)
	}
	if len(h.E820) == 0 {
		return fmt.Errorf("the header has no line e820: the machine's memory map")
	}
	return nil
}

// Totals are what the recorder counted itself, by name.
type Totals []Total

// Total is a count of the recorder's.
type Total struct {
	Name  string
	Count uint64
}

// Names of totals that every recording has. The reader holds those of lines against what
// it has read.
const (
	TotalStores      = "stores"      // lines S
	TotalControls    = "controls"    // lines C
	TotalFlushes     = "flushes"     // lines I and P
	TotalHypercalls  = "hypercalls"  // lines H
	TotalChecks      = "checks"      // how often memory was held against the copy
	TotalDifferences = "differences" // lines ?: entries that no store explains
)

// Of is a count by its name; 0 if there is none.
func (t Totals) Of(name string) uint64 {
	for _, x := range t {
		if x.Name == name {
			return x.Count
		}
	}
	return 0
}

// Symbol is a symbol of the kernel, as /proc/kallsyms has it.
type Symbol struct {
	Addr uint64
	Type byte // T, t: code; others are data
	Name string
}

// Site is a place in the kernel's source that an instruction belongs to. Functions that
// were inlined have a site each, the innermost first.
type Site struct {
	Addr     uint64
	Function string
	File     string
	Line     int
}
