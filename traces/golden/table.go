package golden

import (
	"cmp"
	"slices"
)

// Entry is one nonzero page-table entry. Raw is the value as stored: a
// machine value for Xen, 32 bits in tables of width 4.
type Entry struct {
	Index int
	Raw   uint64
}

// Table is one dumped page table.
type Table struct {
	// PA is the address of the table in bytes, pseudo-physical for Xen.
	PA uint64
	// Level is 3, 2 or 1; Width is the entry size in bytes, 4 or 8.
	Level, Width int
	// Reachable says whether the root leads to the table.
	Reachable bool
	// Entries are the nonzero entries, ascending by Index.
	Entries []Entry
}

// Capacity is the number of entries that a dump of the table covers: 4 for a
// PAE root (level 3), else 4096 bytes / Width.
func (t *Table) Capacity() int {
	if t.Level == 3 {
		return 4
	}
	return PageSize / t.Width
}

// Run is a maximal run of entries at consecutive indices whose raw values
// form an arithmetic progression modulo 2^64. Count 1 has Step 0.
type Run struct {
	Index, Count int
	First, Step  uint64
}

// Compress folds ascending entries into greedy maximal runs.
func Compress(entries []Entry) []Run {
	var runs []Run
	for i := 0; i < len(entries); {
		r := Run{Index: entries[i].Index, Count: 1, First: entries[i].Raw}
		j := i + 1
		if j < len(entries) && entries[j].Index == r.Index+1 {
			r.Step = entries[j].Raw - r.First
			for j < len(entries) && entries[j].Index == r.Index+r.Count &&
				entries[j].Raw-entries[j-1].Raw == r.Step {
				r.Count++
				j++
			}
		}
		runs = append(runs, r)
		i = j
	}
	return runs
}

// Expand unfolds runs into entries.
func Expand(runs []Run) []Entry {
	n := 0
	for _, r := range runs {
		n += r.Count
	}
	if n == 0 {
		return nil
	}
	entries := make([]Entry, 0, n)
	for _, r := range runs {
		raw := r.First
		for i := range r.Count {
			entries = append(entries, Entry{r.Index + i, raw})
			raw += r.Step
		}
	}
	return entries
}

// SortTables puts tables into dump order: ascending by PA, then by level.
func SortTables(tables []Table) {
	slices.SortStableFunc(tables, func(a, b Table) int {
		return cmp.Or(cmp.Compare(a.PA, b.PA), cmp.Compare(a.Level, b.Level))
	})
}
