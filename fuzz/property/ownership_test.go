package property_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/leanovate/gopter/commands"

	"github.com/ptcheck/ptcheck/model"
)

// The abstract hypervisor: who may write what. A frame has no users, or writers,
// or uses as a table of one level, and nothing else counts. An operation is
// granted if the users that it adds get along with those that are there, old and
// new at once. There are no counts, no records, no audits and no order of steps
// in it: what the tables in memory say is worked out anew each time.

// users are a frame's.
type users struct{ writers, tables, level int }

// owners is a state of the abstract hypervisor. It is never changed once made.
type owners struct {
	levels, slots int
	entries       [][]model.Entry // by frame and slot
	pinned        []int           // by frame: the level, 0 for none
	root          int
	granted       bool // the last operation was
}

// String shows a state in one line.
func (o *owners) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "root f%d", o.root)
	for f, slots := range o.entries {
		fmt.Fprintf(&b, "; f%d", f)
		if o.pinned[f] > 0 {
			fmt.Fprintf(&b, " pinned L%d", o.pinned[f])
		}
		for _, e := range slots {
			fmt.Fprintf(&b, " %s", entryName(e))
		}
	}
	return b.String()
}

func entryName(e model.Entry) string {
	if e == 0 {
		return "0"
	}
	return fmt.Sprintf("f%d:%s", e.MFN(), model.AppendFlags(nil, e))
}

func (o *owners) clone() *owners {
	c := *o
	c.entries = make([][]model.Entry, len(o.entries))
	for f := range c.entries {
		c.entries[f] = slices.Clone(o.entries[f])
	}
	c.pinned = slices.Clone(o.pinned)
	return &c
}

// use is one more use of a frame as a table.
type use struct{ frame, level int }

// users works out the users of all frames, and whether they get along. more are
// uses besides those of pins, the root and tables in use.
func (o *owners) users(more ...use) (all []users, ok bool) {
	all, ok = make([]users, len(o.entries)), true
	queue := append([]use{{o.root, o.levels}}, more...)
	for f, level := range o.pinned {
		if level > 0 {
			queue = append(queue, use{f, level})
		}
	}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		y := &all[u.frame]
		ok = ok && y.writers == 0 && (y.tables == 0 || y.level == u.level)
		y.tables++
		if y.tables > 1 {
			continue // its entries count once
		}
		y.level = u.level
		for _, e := range o.entries[u.frame] {
			target := int(e.MFN())
			switch {
			case !e.Is(model.Present):
			case e.Is(model.PSE):
				ok = false // never granted
			case u.level > 1:
				queue = append(queue, use{target, u.level - 1})
			case e.Is(model.RW):
				all[target].writers++
			}
		}
	}
	for _, y := range all {
		ok = ok && (y.writers == 0 || y.tables == 0)
	}
	return all, ok
}

// operation is a command of a guest.
type operation struct {
	name       string
	frame, arg int
	entry      model.Entry
}

// String is how failures name an operation.
func (c *operation) String() string {
	switch c.name {
	case "mu", "st":
		return fmt.Sprintf("%s f%d %d %s", c.name, c.frame, c.arg, entryName(c.entry))
	case "pin", "copy":
		return fmt.Sprintf("%s %d %d", c.name, c.frame, c.arg)
	}
	return fmt.Sprintf("%s f%d", c.name, c.frame)
}

// PreCondition holds a plain store to what may be written; everything else may be
// asked for at any time.
func (c *operation) PreCondition(s commands.State) bool {
	if c.name != "st" {
		return true
	}
	all, _ := s.(*owners).users()
	return all[c.frame].writers > 0
}

// NextState is the specification: what an operation comes to.
func (c *operation) NextState(s commands.State) commands.State {
	old := s.(*owners)
	o := old.clone()
	o.granted = c.apply(old, o)
	if !o.granted {
		refused := old.clone()
		refused.granted = false
		return refused
	}
	return o
}

// apply carries an operation out on o, a copy of old, and says if it is granted.
func (c *operation) apply(old, o *owners) bool {
	all, _ := old.users()
	mine := all[c.frame]
	switch c.name {
	case "mu":
		o.entries[c.frame][c.arg] = c.entry
		if mine.tables == 0 {
			return true
		}
		// The table has the old entry and the new one for a moment.
		both := o.clone()
		both.entries[c.frame] = append(both.entries[c.frame], old.entries[c.frame][c.arg])
		_, ok := both.users()
		return ok
	case "st":
		o.entries[c.frame][c.arg] = c.entry
		return true
	case "pin":
		o.pinned[c.frame] = c.arg
		_, ok := old.users(use{c.frame, c.arg})
		return ok && old.pinned[c.frame] == 0
	case "unpin":
		o.pinned[c.frame] = 0
		return old.pinned[c.frame] > 0
	case "cr3":
		o.root = c.frame
		_, ok := old.users(use{c.frame, o.levels})
		return ok
	case "clear":
		clear(o.entries[c.frame])
	case "copy":
		copy(o.entries[c.frame], old.entries[c.arg])
	}
	return mine.tables == 0
}
