package model

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// testNames writes frames and entries for reports of tests.
type testNames struct{}

func (testNames) FrameName(Frame) string { return "a frame" }
func (testNames) EntryText(Entry) string { return "an entry" }

// TestOperationsAreWhole wants each operation to have a row that makes sense.
func TestOperationsAreWhole(t *testing.T) {
	s := bootGuest(t, AMD64(), Xen417(), 60)
	names := map[string]bool{}
	for op := range NumOps {
		row := op.Row()
		assert.NotEmpty(t, row.Name, "operation %d has no row", op)
		assert.False(t, names[row.Name], "%s is there twice", row.Name)
		names[row.Name] = true
		assert.Equal(t, op.Refusable(), row.Method != nil, "%s: it can be refused; Method is given", row.Name)
		if row.Hypercall {
			assert.NotEmpty(t, row.Verbs, "%s: no script can ask for it", row.Name)
		} else {
			assert.Empty(t, row.Granted+row.Unasked, "%s is no hypercall", row.Name)
		}
		text := (&Step{Op: op}).Text(s.L, testNames{})
		assert.True(t, strings.HasPrefix(text, row.Name) && !strings.ContainsAny(text, "{}"), "%s: text %q", row.Name, text)
	}
	assert.LessOrEqual(t, NumOps, Op(64), "refusable has a bit for each operation")
}

// TestHypercallsCanBeRefused makes each hypercall by its plain verb. Where it can be
// refused, Refuse counts it under a hypervisor, and a refused one changes nothing.
func TestHypercallsCanBeRefused(t *testing.T) {
	for op := range NumOps {
		row := op.Row()
		if !row.Hypercall {
			continue
		}
		s := bootGuest(t, AMD64(), Xen417(), 60)
		m := NewMachine(s)
		before := s.AppendPacked(nil)
		var rc Errno
		refuse := func(n int) {
			m.Refuse = n
			assert.Nil(t, m.Run(func() { rc = row.Verbs[0].Issue(m, Operands{Frame: 7, N: 1, Entry: MakeEntry(9, Present)}) }), row.Name)
		}
		refuse(1)
		if !op.Refusable() {
			assert.Zero(t, m.Hypercalls, "%s is never refused", row.Name)
			continue
		}
		assert.Equal(t, ENOMEM, rc, row.Name)
		assert.Equal(t, before, s.AppendPacked(nil), "%s: a refused one leaves something behind", row.Name)
		assert.Equal(t, 1, m.Hypercalls, row.Name)
		refuse(2)
		assert.NotEqual(t, ENOMEM, rc, "%s: another one is refused", row.Name)
	}
}

// TestBareMetalRefusesNothing loads an LDT where there is nobody to refuse it.
func TestBareMetalRefusesNothing(t *testing.T) {
	m := NewMachine(lifeState(t, nil))
	m.Refuse = 1
	assert.Nil(t, m.Run(func() { assert.Equal(t, OK, m.SetLDT(0x1000, 1)) }))
	assert.Zero(t, m.Hypercalls)
}
