package golden

import "fmt"

// Difference is one finding of [Compare] or [File.Check].
type Difference struct {
	// Part is the part of the dump: "config", "outcome", "cr4_set", "hash",
	// "bootmem", "trace", "initial", "tables" or "root_residue".
	Part string
	// Where is the place in it, such as "L1 at 0x56b000 slot 12"; may be
	// empty.
	Where string
	// Want and Got are the two values; both are empty if Note says it all.
	Want, Got string
	// Note is a remark, or empty.
	Note string
}

// String renders the difference as one line.
func (d Difference) String() string {
	s := d.Part
	if d.Where != "" {
		s += ": " + d.Where
	}
	if d.Want != "" || d.Got != "" {
		s += fmt.Sprintf(": want %s, got %s", d.Want, d.Got)
	}
	if d.Note != "" {
		s += ": " + d.Note
	}
	return s
}

const (
	// maxPerTable is the number of differences listed per table or list.
	maxPerTable = 8
	// maxTables is the number of differing tables listed per dump part.
	maxTables = 32
)

// differences gathers findings of one part, at most limit of them.
type differences struct {
	part  string
	limit int
	list  []Difference
	more  int
}

// add adds a finding, or counts it if there are limit already.
func (d *differences) add(diff Difference) {
	if len(d.list) >= d.limit {
		d.more++
		return
	}
	diff.Part = d.part
	d.list = append(d.list, diff)
}

// done returns the findings, with a last line for those not listed.
func (d *differences) done(where, what string) []Difference {
	if d.more > 0 {
		note := fmt.Sprintf("... and %d more %s", d.more, what)
		d.list = append(d.list, Difference{Part: d.part, Where: where, Note: note})
	}
	return d.list
}
