package reports

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteText writes a finding for terminals and mails: plain ASCII, 72 columns
// where names allow it.
func WriteText(w io.Writer, f *Finding) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n", f.Headline())
	if f.Rule != "" {
		wrap(b, "  ", f.Says)
		if f.Source != "" {
			wrap(b, "  source: ", f.Source)
		}
	}
	if f.Detail != "" {
		wrap(b, "  here: ", f.Detail)
	}
	fmt.Fprintf(b, "\nstart of day: %s\n", f.Start)
	if len(f.Frames) > 0 {
		wrap(b, "  ", strings.Join(f.Frames, ", "))
	}
	fmt.Fprintf(b, "\ncalls (%d):\n", len(f.Calls))
	for i, c := range f.Calls {
		fmt.Fprintf(b, "  %2d  %s\n", i+1, c)
	}
	writeSteps(b, f)
	writeTables(b, f)
	if f.Replay != "" {
		fmt.Fprintf(b, "\nreplay: %s\n", f.Replay)
	}
	return b.Flush()
}

func writeSteps(b *bufio.Writer, f *Finding) {
	if len(f.Steps) == 0 && f.Crash == "" {
		return
	}
	fmt.Fprintf(b, "\nsteps of call %d, %s:\n", len(f.Calls), f.Calls[len(f.Calls)-1])
	for i, s := range f.Steps {
		fmt.Fprintf(b, "  %2d  %-38s %s\n", i+1, s.What, s.Site)
		for _, c := range s.Change {
			fmt.Fprintf(b, "        %s\n", c)
		}
	}
	if f.Crash != "" {
		fmt.Fprintf(b, "   !  %s\n", f.Crash)
	} else {
		fmt.Fprintf(b, "   !  %s\n", f.Rule)
	}
}

// writeTables prints the tables as a diff.
func writeTables(b *bufio.Writer, f *Finding) {
	fmt.Fprintf(b, "\ntables, before (-) and after (+) that call:\n")
	old, now := keyed(f.Before), keyed(f.After)
	for _, k := range now.order {
		t, was := now.tables[k], old.tables[k]
		if was == nil {
			was = &Table{}
		}
		writeTable(b, was, t)
	}
	for _, k := range old.order {
		if t := old.tables[k]; now.tables[k] == nil {
			writeTable(b, t, &Table{Frame: t.Frame, Role: t.Role})
		}
	}
}

// keyedTables are tables by frame and, where a frame is read in several ways,
// by their number.
type keyedTables struct {
	order  []string
	tables map[string]*Table
}

func keyed(list []Table) keyedTables {
	k := keyedTables{tables: map[string]*Table{}}
	for i := range list {
		key := list[i].Frame
		for k.tables[key] != nil {
			key += "'"
		}
		k.order = append(k.order, key)
		k.tables[key] = &list[i]
	}
	return k
}

func writeTable(b *bufio.Writer, old, now *Table) {
	fmt.Fprintf(b, "  %s %s\n", now.Frame, now.Role)
	i, j := 0, 0
	for i < len(old.Entries) || j < len(now.Entries) {
		switch {
		case j == len(now.Entries) || i < len(old.Entries) && old.Entries[i].Slot < now.Entries[j].Slot:
			fmt.Fprintf(b, "   - [%d] %s\n", old.Entries[i].Slot, old.Entries[i].Text)
			i++
		case i == len(old.Entries) || now.Entries[j].Slot < old.Entries[i].Slot:
			fmt.Fprintf(b, "   + [%d] %s\n", now.Entries[j].Slot, now.Entries[j].Text)
			j++
		default:
			if old.Entries[i] == now.Entries[j] {
				fmt.Fprintf(b, "     [%d] %s\n", now.Entries[j].Slot, now.Entries[j].Text)
			} else {
				fmt.Fprintf(b, "   - [%d] %s\n", old.Entries[i].Slot, old.Entries[i].Text)
				fmt.Fprintf(b, "   + [%d] %s\n", now.Entries[j].Slot, now.Entries[j].Text)
			}
			i, j = i+1, j+1
		}
	}
}

// width is the number of columns of a report.
const width = 72

// wrap writes text after a prefix, folded to the width of a report; further
// lines are indented like the prefix.
func wrap(b *bufio.Writer, prefix, text string) {
	line, empty := prefix, true
	for _, word := range strings.Fields(text) {
		if !empty && len(line)+1+len(word) > width {
			fmt.Fprintln(b, line)
			line, empty = strings.Repeat(" ", len(prefix)), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	fmt.Fprintln(b, line)
}
