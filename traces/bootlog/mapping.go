package bootlog

import (
	"fmt"
	"regexp"
	"strings"
)

// Lines of init_memory_mapping (arch/x86/mm/init.c): a header, and a line for each run of
// pages of one size. Up to 3.4 they were START-END, later [mem FIRST-LAST].
var (
	mappingStart  = regexp.MustCompile(`(?:^|[\s\]])init_memory_mapping: (.*)$`)
	headerOld     = regexp.MustCompile(`^([0-9a-fA-F]+)-([0-9a-fA-F]+)$`)
	headerNew     = regexp.MustCompile(`^\[mem ([^\]]*)\]$`)
	mappingOld    = regexp.MustCompile(`(?:^|[\s\]])([0-9a-fA-F]+) - ([0-9a-fA-F]+) page (\S+)$`)
	mappingNew    = regexp.MustCompile(`(?:^|[\s\]])\[mem ([^\]]*)\] page (\S+)$`)
	mappingDetail = regexp.MustCompile(`(\[mem | - ).* page \S+$`)
)

// mappingLine reads a line about the direct mapping, and passes over others.
func (r *reader) mappingLine(line string) error {
	if m := mappingStart.FindStringSubmatch(line); m != nil {
		r.endMapping()
		at, err := header(m[1])
		if err != nil {
			return fmt.Errorf("init_memory_mapping: %w", err)
		}
		r.mapping, r.header = true, &at
		return nil
	}
	if !r.mapping || !mappingDetail.MatchString(line) {
		r.endMapping()
		return nil
	}
	at, size, err := detail(line)
	if err != nil {
		return fmt.Errorf("a mapping: %w", err)
	}
	shift, ok := map[string]uint{"4k": 12, "2M": 21, "4M": 22, "1G": 30}[size]
	if !ok {
		return fmt.Errorf("a mapping: %.20q is no size of pages: want 4k, 2M, 4M or 1G", size)
	}
	r.header = nil
	r.log.Mappings = append(r.log.Mappings, Mapping{at, shift})
	return nil
}

// endMapping ends the lines of a mapping. A header that stands alone is all that is told.
func (r *reader) endMapping() {
	if r.header != nil {
		r.log.Mappings = append(r.log.Mappings, Mapping{*r.header, 0})
	}
	r.mapping, r.header = false, nil
}

// header reads what follows init_memory_mapping.
func header(text string) (Range, error) {
	if m := headerNew.FindStringSubmatch(text); m != nil {
		return inclusive(m[1])
	}
	if m := headerOld.FindStringSubmatch(text); m != nil {
		return exclusive(m[1], m[2])
	}
	return Range{}, fmt.Errorf("%.60q: want [mem 0xFIRST-0xLAST] or START-END", text)
}

// detail reads a run of pages of one size.
func detail(line string) (at Range, size string, err error) {
	if m := mappingNew.FindStringSubmatch(line); m != nil {
		at, err = inclusive(m[1])
		return at, m[2], err
	}
	if m := mappingOld.FindStringSubmatch(line); m != nil {
		at, err = exclusive(m[1], m[2])
		return at, m[3], err
	}
	return at, "", fmt.Errorf("%.60q: want [mem 0xFIRST-0xLAST] page SIZE or START - END page SIZE", strings.TrimSpace(line))
}
