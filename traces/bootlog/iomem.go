package bootlog

import (
	"fmt"
	"regexp"
)

// iomemForm is a line of /proc/iomem: "  FIRST-LAST : NAME", what lies inside another
// range farther to the right.
var iomemForm = regexp.MustCompile(`^\s*([0-9a-fA-F]+-[0-9a-fA-F]+) : (.+)$`)

// isIomem reports whether a line is one of /proc/iomem.
func isIomem(line string) bool { return iomemForm.MatchString(line) }

// iomemLine reads a line of /proc/iomem.
func (r *reader) iomemLine(line string) error {
	m := iomemForm.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("%.60q is no line of /proc/iomem: want FIRST-LAST : NAME", line)
	}
	at, err := inclusive(m[1])
	if err != nil {
		return err
	}
	switch m[2] {
	case "System RAM":
		r.log.RAM = append(r.log.RAM, at)
	case "Kernel bss":
		r.log.BSS = at.Start
		r.log.End = max(r.log.End, at.End)
	case "Kernel code", "Kernel rodata", "Kernel data":
		r.log.End = max(r.log.End, at.End)
	}
	return nil
}
