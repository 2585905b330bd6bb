package reports

import "fmt"

// State is a machine at one moment: everything that a reader may want to see.
type State struct {
	Registers []Register `json:"registers"`
	Tables    []Table    `json:"tables"`
	Pages     []Page     `json:"pages"`
}

// Register is a register of the processor or a variable of the kernel.
type Register struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Table is a page-table page, read in one geometry.
type Table struct {
	Frame    string `json:"frame"`    // such as "f3"
	Geometry string `json:"geometry"` // such as "tiny-3 2x4x4"
	Level    int    `json:"level"`    // 1 for leaves; 0: in no tree
	Slots    int    `json:"slots"`
	Role     string `json:"role"` // such as "L2 (CR3)"
	// Root says what makes it a root, such as "CR3"; empty if it is none.
	Root string `json:"root,omitempty"`
	// Entries are the slots that are not zero, ascending.
	Entries []Entry `json:"entries"`
}

// Entry is one slot of a table.
type Entry struct {
	Slot int    `json:"slot"`
	Text string `json:"text"` // such as "f3:PWAD"
	// Frame is the frame that it names; empty for a frame outside the model.
	Frame string `json:"frame,omitempty"`
	// Kind is one of the Kind constants.
	Kind     string `json:"kind"`
	Writable bool   `json:"writable"`
}

// Kinds of entries.
const (
	NotPresent = "not present"
	TableEntry = "table" // leads to a table of the level below, or a same-level one
	PageEntry  = "page"  // maps a page
	LargeEntry = "large" // maps a large page
	XenEntry   = "xen"   // the hypervisor's own

	UnusedEntry = "unused" // present, in a table of no tree
)

// Page is a frame of memory.
type Page struct {
	Frame string `json:"frame"`
	// Machine is its machine frame number, in hexadecimal.
	Machine string `json:"machine"`
	// Role is what the kernel uses it for; may be empty.
	Role string `json:"role,omitempty"`
	// Type is what the hypervisor has it as, such as "L1 x1 pinned"; empty on bare
	// metal.
	Type string `json:"type,omitempty"`
	// Table says that it is in use as a table.
	Table bool `json:"table"`
	// Free says that the boot allocator has not handed it out yet.
	Free bool `json:"free"`
}

// Header names a table: frame and role.
func (t *Table) Header() string { return t.Frame + " " + t.Role }

// Entry returns the text of a slot, "0" for an empty one.
func (t *Table) Entry(slot int) string {
	for i := range t.Entries {
		if t.Entries[i].Slot == slot {
			return t.Entries[i].Text
		}
	}
	return "0"
}

// Find returns the table of a frame in a geometry, nil if there is none.
func (s *State) Find(frame, geometry string) *Table {
	for i := range s.Tables {
		if t := &s.Tables[i]; t.Frame == frame && t.Geometry == geometry {
			return t
		}
	}
	return nil
}

// Geometries lists the geometries in which tables are read, in order.
func (s *State) Geometries() []string {
	var out []string
	for i := range s.Tables {
		g, known := s.Tables[i].Geometry, false
		for _, o := range out {
			known = known || o == g
		}
		if !known {
			out = append(out, g)
		}
	}
	return out
}

// Text is a frame in one line, for lists.
func (p *Page) Text() string {
	text := p.Frame
	for _, s := range []string{p.Role, p.Type} {
		if s != "" {
			text += " " + s
		}
	}
	if p.Free {
		text += " (not handed out)"
	}
	return text
}

// point is a state on the way, with what led to it.
type point struct {
	title string // such as "call 2, step 1: store f3+0x8"
	state *State
	call  int // from 0; -1: the start of the day
	step  int // from 0; -1: the whole call
}

// points lists the states of a finding: the start of the day, each step of the
// last call, and the end of each call.
func (f *Finding) points() []point {
	title := "start of day"
	if f.AtRest() {
		title = "memory at rest"
	}
	out := []point{{title: title, state: &f.Initial, call: -1, step: -1}}
	for n := range f.Calls {
		c := &f.Calls[n]
		if n == len(f.Calls)-1 {
			now := f.Before(n)
			for i := range c.Steps {
				if c.Steps[i].After != nil {
					now = c.Steps[i].After
				}
				out = append(out, point{fmt.Sprintf("call %d, step %d: %s", n+1, i+1, c.Steps[i].What), now, n, i})
			}
		}
		out = append(out, point{fmt.Sprintf("call %d: %s", n+1, c.Text), &c.After, n, -1})
	}
	return out
}
