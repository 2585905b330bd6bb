package emulator

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Kind is the kind of a range of a memory map. Its value is that of the firmware's map.
type Kind int

// Kinds of memory.
const (
	Usable   Kind = 1
	Reserved Kind = 2
	ACPI     Kind = 3 // tables that may be reclaimed
	NVS      Kind = 4
	Unusable Kind = 5
)

var kindNames = map[Kind]string{Usable: "usable", Reserved: "reserved", ACPI: "acpi", NVS: "nvs", Unusable: "unusable"}

// String is the name as recordings have it.
func (k Kind) String() string { return kindNames[k] }

// Range is a range of physical addresses, its end exclusive.
type Range struct {
	Start, End uint64
	Kind       Kind
}

// Machine is what a kernel is booted on.
type Machine struct {
	Map      []Range // ascending, no two overlap
	Features Features
	Cmdline  string
	Litter   uint64 // the word that memory is full of at first; 0: memory is clean
}

// RAM is the number of bytes of usable memory.
func (m *Machine) RAM() (n uint64) {
	for _, r := range m.Map {
		if r.Kind == Usable {
			n += r.End - r.Start
		}
	}
	return n
}

// Check says what is wrong with a machine.
func (m *Machine) Check() error {
	var last uint64
	for i, r := range m.Map {
		switch {
		case r.Start >= r.End:
			return fmt.Errorf("the range %x to %x is empty", r.Start, r.End)
		case i > 0 && r.Start < last:
			return fmt.Errorf("the range from %x begins before the one before it ends", r.Start)
		case kindNames[r.Kind] == "":
			return fmt.Errorf("the range from %x is of no kind", r.Start)
		}
		last = r.End
	}
	switch {
	case len(m.Map) > maxRanges:
		return fmt.Errorf("%d ranges: the boot protocol has room for %d", len(m.Map), maxRanges)
	case len(m.Cmdline) > maxCmdline:
		return fmt.Errorf("the command line has more than %d bytes", maxCmdline)
	case strings.ContainsAny(m.Cmdline, "\n\x00"):
		return fmt.Errorf("the command line has more than one line")
	}
	return nil
}

// Limits of the boot protocol (boot_params.e820_table, COMMAND_LINE_SIZE).
const (
	maxRanges  = 128
	maxCmdline = 2047
)

// AppendText appends the machine as lines:
//
//	cpu pse pge nx
//	cmdline nopti
//	litter 9f
//	e820 0 9fc00 usable
func (m *Machine) AppendText(b []byte) []byte {
	b = fmt.Appendf(b, "cpu %s\ncmdline %s\nlitter %x\n", m.Features, m.Cmdline, m.Litter)
	for _, r := range m.Map {
		b = fmt.Appendf(b, "e820 %x %x %s\n", r.Start, r.End, r.Kind)
	}
	return b
}

// Line reads one of a machine's lines; ok is false if it is of another kind.
func (m *Machine) Line(line string) (ok bool, err error) {
	key, rest, _ := strings.Cut(line, " ")
	switch key {
	case "cpu":
		m.Features, err = ParseFeatures(rest)
	case "cmdline":
		m.Cmdline = rest
	case "litter":
		m.Litter, err = strconv.ParseUint(rest, 16, 64)
	case "e820":
		var r Range
		r, err = parseRange(strings.Fields(rest))
		m.Map = append(m.Map, r)
	default:
		return false, nil
	}
	return true, err
}

func parseRange(f []string) (r Range, err error) {
	if len(f) != 3 {
		return r, fmt.Errorf("want START END KIND")
	}
	if r.Start, err = strconv.ParseUint(f[0], 16, 64); err != nil {
		return r, fmt.Errorf("%.20q is no hexadecimal number", f[0])
	}
	if r.End, err = strconv.ParseUint(f[1], 16, 64); err != nil {
		return r, fmt.Errorf("%.20q is no hexadecimal number", f[1])
	}
	for k, name := range kindNames {
		if name == f[2] {
			r.Kind = k
			return r, nil
		}
	}
	return r, fmt.Errorf("%.20q is no kind of memory", f[2])
}

// ReadMachine reads a machine from its lines, and nothing else.
func ReadMachine(name string, in io.Reader) (*Machine, error) {
	m := &Machine{}
	s := bufio.NewScanner(in)
	for no := 1; s.Scan(); no++ {
		line := s.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		ok, err := m.Line(line)
		if err == nil && !ok {
			err = fmt.Errorf("%.30q says nothing of a machine", line)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, no, err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	slices.SortFunc(m.Map, func(a, b Range) int { return cmp.Compare(a.Start, b.Start) })
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}
