package bootlog

import (
	"fmt"
	"regexp"
	"strings"
)

// Sources of a firmware's map, in the order in which a kernel changes it (e820.c,
// setup_memory_map, finish_e820_parsing): the last that a log has is the one that holds.
const (
	noSource = iota
	firmware // BIOS-e820 and its elders, or the hypervisor's word for it
	modified // by the kernel
	user     // "user-defined physical RAM map", by mem= and memmap=
)

// e820Start finds where a line of a map begins, after what the log has before each line.
var e820Start = regexp.MustCompile(`(?:^|[\s\]])(BIOS-e820|BIOS-e801|BIOS-88|Xen|user|modified): (.*)$`)

// e820Range is a range in today's form, and in that of kernels up to 3.4.
var (
	e820New = regexp.MustCompile(`^\s*\[mem ([^\]]*)\]\s*(.*)$`)
	e820Old = regexp.MustCompile(`^\s*([0-9a-fA-F]+) - ([0-9a-fA-F]+) \((.*)\)$`)
	e820Gap = regexp.MustCompile(`^\s*\[gap [^\]]*\]`)
)

// e820 reads a line of the firmware's map: "BIOS-e820: [mem 0xFIRST-0xLAST] usable", or
// "BIOS-e820: START - END (usable)". It reports whether it is one.
func (r *reader) e820(line string) (took bool, err error) {
	m := e820Start.FindStringSubmatch(line)
	if m == nil {
		return false, nil
	}
	who, rest := m[1], m[2]
	var at Range
	var kind string
	if n := e820New.FindStringSubmatch(rest); n != nil {
		at, err = inclusive(n[1])
		kind = n[2]
	} else if n := e820Old.FindStringSubmatch(rest); n != nil {
		at, err = exclusive(n[1], n[2])
		kind = n[3]
	} else if !strings.HasPrefix(who, "BIOS") || e820Gap.MatchString(rest) {
		return false, nil // these words begin other lines too
	} else {
		return true, fmt.Errorf("%s: %.60q: want [mem 0xFIRST-0xLAST] KIND or START - END (KIND)", who, rest)
	}
	if err != nil {
		return true, fmt.Errorf("%s: %w", who, err)
	}
	if kind == "" {
		return true, fmt.Errorf("%s: %.60q does not say what kind of memory it is", who, rest)
	}
	r.region(who, at, kind)
	return true, nil
}

// region takes a range into the map that holds.
func (r *reader) region(who string, at Range, kind string) {
	source := firmware
	switch who {
	case "modified":
		source = modified
	case "user":
		source = user
	}
	if source < r.source {
		return
	}
	if source > r.source {
		r.source, r.log.RAM = source, nil
	}
	if kind == "usable" || strings.HasSuffix(kind, "System RAM") {
		r.log.RAM = append(r.log.RAM, at)
	}
}
