package golden

// Hashes are the SHA-256 hashes of a dump, each as 64 lower-case hex digits.
// The Prezap ones are empty unless the configuration zaps the low mappings.
type Hashes struct {
	Tables, Reachable, Initial, Trace string

	PrezapTables, PrezapReachable string
}

// Bootmem is one frame the bootmem allocator handed out.
type Bootmem struct {
	PFN     uint64
	Purpose string // one of the Purpose constants
}

// File is a whole golden dump.
type File struct {
	// Name is the file stem.
	Name   string
	Config Config
	// Outcome is "ok", or how the original died; see [OutcomeClass].
	Outcome string
	// CR4Set holds the CR4 bits switched on: 0x10 PSE, 0x80 PGE.
	CR4Set  uint64
	Hash    Hashes
	Bootmem []Bootmem
	// Trace is the folded trace.
	Trace []Op
	// FullTrace is the unfolded trace of a dump made here. The file does not
	// hold it, so it is nil after reading.
	FullTrace *Trace
	// Initial and Tables are the tables before the code ran and at the end.
	Initial, Tables []Table
	// RootResidue holds left-over words 8..1023 of a native PAE root page
	// read as 32-bit words. It is not part of any hash.
	RootResidue []Entry
}

// Seal computes what follows from the rest of a dump made here: the hashes of
// Initial and Tables, and the folded trace, bootmem list and trace hash from
// FullTrace if that is not nil. The prezap hashes are left to the caller, who
// alone saw that state: [HashTables] and [HashReachable] of it.
func (f *File) Seal() {
	f.Hash.Tables = HashTables(f.Tables)
	f.Hash.Reachable = HashReachable(f.Tables)
	f.Hash.Initial = HashTables(f.Initial)
	if f.FullTrace == nil {
		return
	}
	f.Hash.Trace = f.FullTrace.Hash()
	f.Trace = f.FullTrace.Fold()
	f.Bootmem = bootmemOf(f.Trace)
}

// bootmemOf lists the bootmem operations of a folded trace.
func bootmemOf(ops []Op) []Bootmem {
	var out []Bootmem
	for _, op := range ops {
		if op.Name == OpBootmem && len(op.Args) == 1 {
			out = append(out, Bootmem{op.Args[0], op.Text})
		}
	}
	return out
}
