package model

// Aside is something that kernel code does between its steps and that they may rest on. It
// changes nothing that rules look at; reports tell it.
type Aside struct {
	Kind AsideKind
	CPU  int
	// Frame and Off are the memory that is read or that an update will change; of a flag,
	// Frame is the page that it belongs to.
	Frame Frame
	Off   int
	Value Entry  // what is read, or what an update asks for; of a flag 1 or 0
	Flag  string // the kernel's name of the flag
}

// AsideKind is a kind of [Aside].
type AsideKind uint8

// The kinds.
const (
	AsideRead AsideKind = iota // memory is read
	AsideFlag                  // a flag of a page is read
	AsideMark                  // a flag of a page is set or cleared
	AsideHold                  // an update of an entry is held back
)

// NoteFlag tells of a flag of a page that the kernel reads, in its own name for it.
func (m *Machine) NoteFlag(flag string, pfn PFN, is bool) { m.noteFlag(AsideFlag, flag, pfn, is) }

// NoteMark tells of one that it sets or clears.
func (m *Machine) NoteMark(flag string, pfn PFN, is bool) { m.noteFlag(AsideMark, flag, pfn, is) }

func (m *Machine) noteFlag(kind AsideKind, flag string, pfn PFN, is bool) {
	if m.OnAside == nil {
		return
	}
	a := Aside{Kind: kind, Frame: Frame(pfn), Flag: flag}
	if is {
		a.Value = 1
	}
	m.tellAside(a)
}

// NoteHeld tells of an update of the entry at a machine address that the kernel holds back
// to carry it out later, with others.
func (m *Machine) NoteHeld(ptr uint64, e Entry) {
	if m.OnAside != nil {
		m.tellAside(Aside{Kind: AsideHold, Frame: m.L.Map.Frame(MFN(ptr >> PageShift)), Off: int(ptr & (PageSize - 1) &^ 3), Value: e})
	}
}

func (m *Machine) tellAside(a Aside) {
	a.CPU = m.Running()
	m.OnAside(a)
}
