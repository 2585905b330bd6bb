package model

import "slices"

// Code under test need not be Go: a hook may be C that runs in a process of its own and
// asks for each operation. Go's stack then ends at whoever carries the operation out, so
// the machine is told where it comes from.

// Place is a line of source that is not Go's.
type Place struct {
	Function string
	File     string // with its full path, if the debug data has it
	Line     int    // counted from 1; 0: not known
}

// Crossing is an operation that code which is not Go asks for.
type Crossing interface{ Cross() }

// Abroad carries an operation out on behalf of code that is not Go. at are the places it
// comes from, innermost first, up to the function that Go has called; it is kept, not
// copied. What asks for operations so is taken for a ferry: reports name the places and
// leave out the package that calls this.
func (m *Machine) Abroad(at []Place, c Crossing) {
	cpu := m.Running()
	m.abroad[cpu] = append(m.abroad[cpu], at)
	c.Cross()
	m.abroad[cpu] = m.abroad[cpu][:len(m.abroad[cpu])-1]
}

// Places are those of the operations that are under way on the running processor, one list
// for each call of [Machine.Abroad] on the stack, innermost last. They are valid for good.
func (m *Machine) Places() [][]Place { return slices.Clone(m.abroad[m.Running()]) }
