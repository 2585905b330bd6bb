package audit

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteText writes what an image came to for terminals and mails: the machine, its
// tables, a line for each rule, then what is wrong.
func (a *Audit) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, a.Headline())
	a.writeFacts(b)
	fmt.Fprintf(b, "\nrules:\n")
	for i := range a.Verdicts {
		fmt.Fprintf(b, "  %s\n", a.Verdicts[i].line())
	}
	for i := range a.Verdicts {
		a.Verdicts[i].write(b)
	}
	fmt.Fprintf(b, "\n%s\n", a.Summary())
	return b.Flush()
}

// Headline names the image and its machine.
func (a *Audit) Headline() string {
	bits := "32-bit"
	if a.Paging.Mode.EntrySize() == 8 && a.Paging.Mode.AddressBits() > 32 {
		bits = "64-bit"
	}
	text := fmt.Sprintf("%s: %s, %s, %s tables, %s of memory", a.image.Name, a.image.Form, bits, a.Paging.Mode, memoryText(a.image.Memory()))
	if n := len(a.image.CPUs); n > 0 {
		text += fmt.Sprintf(", %s", plural(n, "CPU"))
	}
	if release := a.image.Info["OSRELEASE"]; release != "" {
		text += ", Linux " + release
	}
	return text
}

func (a *Audit) writeFacts(b *bufio.Writer) {
	for i := range a.Leaves {
		l := &a.Leaves[i]
		var sizes []string
		for _, s := range l.list() {
			sizes = append(sizes, fmt.Sprintf("%d of %s", s.n, s.name))
		}
		fmt.Fprintf(b, "  root %#x (%s): %d pages: %s\n", a.Paging.Roots[i].Phys, l.Root, l.total(), strings.Join(sizes, ", "))
	}
	var levels []string
	sum := 0
	for l := a.Paging.Mode.Levels(); l >= 1; l-- {
		levels = append(levels, fmt.Sprintf("L%d %d", l, a.Tables[l]))
		sum += a.Tables[l]
	}
	fmt.Fprintf(b, "  %s: %s\n", plural(sum, "table"), strings.Join(levels, ", "))
	if a.Left > 0 {
		fmt.Fprintf(b, "  of these %d were left out of the image, as all zero\n", a.Left)
	}
	if a.DirectMap != 0 {
		fmt.Fprintf(b, "  direct map at %#x\n", a.DirectMap)
	}
	if x := a.Xen; x != nil {
		fmt.Fprintf(b, "  Xen: %s; %s, %s; of %d tables of guests %d are typed and %d counted as memory shows; of %d writable frames %d\n",
			x.Layout, plural(x.Roots, "validated root"), plural(x.Pinned, "pinned table"), x.Tables, x.Typed, x.Counted, x.Writable, x.Agreeing)
	}
	if a.image.Live {
		fmt.Fprintf(b, "  read while the machine ran: what changed meanwhile may look wrong\n")
	}
}

// sized is a number of pages of a size.
type sized struct {
	n    uint64
	name string
}

// list are the leaves by page size, the largest first, those that there are.
func (r *RootLeaves) list() []sized {
	all := []sized{{r.Pages1G, "1G"}, {r.Pages4M, "4M"}, {r.Pages2M, "2M"}, {r.Pages4K, "4K"}}
	return slices.DeleteFunc(all, func(s sized) bool { return s.n == 0 })
}

// line is the verdict in a line.
func (v *Verdict) line() string {
	switch {
	case v.Unfit != "":
		return fmt.Sprintf("%-22s not applicable: %s", v.Rule.ID, v.Unfit)
	case v.Broken > 0:
		return fmt.Sprintf("%-22s BROKEN by %d of %d", v.Rule.ID, v.Broken, v.Looked)
	case v.Looked == 0:
		return fmt.Sprintf("%-22s never put to the test", v.Rule.ID)
	}
	return fmt.Sprintf("%-22s holds for %d", v.Rule.ID, v.Looked)
}

// write tells what broke a rule.
func (v *Verdict) write(b *bufio.Writer) {
	if v.Broken > 0 {
		fmt.Fprintf(b, "\nbroken: %s\n  %s\n  source: %s\n  cannot tell: %s\n", v.Rule.ID, v.Rule.Says, v.Rule.Source, v.Rule.Limits)
	} else if len(v.Notes) > 0 {
		fmt.Fprintf(b, "\nnotes on %s:\n", v.Rule.ID)
	}
	told := uint64(0)
	for i := range v.Findings {
		f := &v.Findings[i]
		fmt.Fprintf(b, "  - %s\n", f.Text())
		if f.Root != "" {
			fmt.Fprintf(b, "    under the root of %s\n", f.Root)
		}
		for _, h := range f.Way {
			fmt.Fprintf(b, "    L%d %#x[%d] = %#x\n", h.Level, h.Table, h.Slot, h.Entry)
		}
		told += max(1, f.Size>>12)
	}
	if v.Broken > told {
		fmt.Fprintf(b, "  and %d more\n", v.Broken-told)
	}
	for _, n := range v.Notes {
		fmt.Fprintf(b, "  note: %s\n", n)
	}
}

// Summary is the verdict in a sentence.
func (a *Audit) Summary() string {
	broken, held := 0, 0
	for i := range a.Verdicts {
		switch v := &a.Verdicts[i]; {
		case v.Broken > 0:
			broken++
		case v.Unfit == "" && v.Looked > 0:
			held++
		}
	}
	if broken == 0 {
		return fmt.Sprintf("clean: %s hold", plural(held, "rule"))
	}
	return fmt.Sprintf("%s broken, %d hold", plural(broken, "rule"), held)
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// memoryText is a number of bytes in MiB or GiB.
func memoryText(n uint64) string {
	if n >= 1<<30 && n%(1<<30) == 0 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
