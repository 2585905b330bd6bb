package recorder

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/traces/kernel"
	"github.com/ptcheck/ptcheck/traces/kernel/initrd"
)

// console is what a boot has said.
type console struct {
	e820 []kernel.Range
	xen  string // Xen's version
	// Of the processor, as the kernel sees it: the width of physical addresses and its bugs.
	physBits, bugs string
	panic          string // the kernel's last words, "" if it did not die
	up             bool   // ptcheck's init ran
	done           bool   // and came to its end
}

// readConsole reads the output of a boot. xen says whether a Xen was booted, which tells the
// machine's memory map then.
func readConsole(out []byte, xen bool) *console {
	c := &console{}
	read, started := c.linuxRange, true
	if xen {
		read, started = c.xenRange, false
	}
	ended := false
	for raw := range bytes.Lines(out) {
		line := strings.TrimSpace(string(raw))
		if strings.Contains(line, "Xen-e820 RAM map:") {
			started = true
			continue
		}
		if started && !ended {
			ended = !read(line) && len(c.e820) > 0
		}
		c.words(line)
	}
	return c
}

// words looks for what else a line may say.
func (c *console) words(line string) {
	if _, v, ok := strings.Cut(line, "(XEN) Xen version "); ok && c.xen == "" {
		c.xen = strings.Fields(v + " ?")[0]
	}
	if name, value, ok := strings.Cut(line, ":"); ok {
		switch strings.TrimSpace(name) {
		case "bugs":
			c.bugs = strings.TrimSpace(value)
		case "address sizes":
			c.physBits, _, _ = strings.Cut(strings.TrimSpace(value), " ")
		}
	}
	if i := strings.Index(line, "Kernel panic - "); i >= 0 && c.panic == "" {
		c.panic = line[i:]
	}
	c.up = c.up || strings.Contains(line, strings.TrimSpace(initrd.Up))
	c.done = c.done || strings.Contains(line, strings.TrimSpace(initrd.Done))
}

var (
	linuxE820 = regexp.MustCompile(`BIOS-e820: \[mem 0x([0-9a-f]{16})-0x([0-9a-f]{16})\] (.+)$`)
	xenE820   = regexp.MustCompile(`^\(XEN\)\s+\[([0-9a-f]{16}), ([0-9a-f]{16})\] \((.+)\)$`)
)

// linuxRange and xenRange take a range of the memory map from a line. They report whether
// the line has one.
func (c *console) linuxRange(line string) bool { return c.take(linuxE820.FindStringSubmatch(line)) }

func (c *console) xenRange(line string) bool { return c.take(xenE820.FindStringSubmatch(line)) }

func (c *console) take(m []string) bool {
	if m == nil {
		return false
	}
	start, err1 := strconv.ParseUint(m[1], 16, 64)
	last, err2 := strconv.ParseUint(m[2], 16, 64)
	if err1 != nil || err2 != nil || last < start || last+1 == 0 {
		return true
	}
	c.e820 = append(c.e820, kernel.Range{Start: start, End: last + 1, Kind: kind(m[3])})
	return true
}

// kind is a kind of memory in the word of recordings.
func kind(said string) string {
	switch said {
	case kernel.Usable, "unusable":
		return said
	case "ACPI data":
		return "acpi"
	case "ACPI NVS":
		return "nvs"
	}
	return "reserved"
}

// end says how the boot ended.
func (c *console) end(own, late bool) string {
	switch {
	case c.panic != "":
		return c.panic
	case late:
		return "its time was up"
	case own && !c.up:
		return "the machine ended before the first process ran"
	case own && !c.done:
		return "the machine ended before the processes had come and gone"
	}
	return Restarted
}
