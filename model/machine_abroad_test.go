package model

import "testing"

// crossing carries out a function.
type crossing func()

func (c crossing) Cross() { c() }

// TestAbroad wants the places of operations to be there while they are under way, one list
// for each, in the death that one of them comes to, and not in the next run.
func TestAbroad(t *testing.T) {
	m := bare(t)
	m.RecordSites = true
	out, in := []Place{{"out", "a.c", 1}}, []Place{{"in", "a.c", 2}, {"by", "a.c", 3}}
	died := m.Run(func() {
		m.Abroad(out, crossing(func() {
			m.Abroad(in, crossing(func() {}))
			if got := m.Places(); len(got) != 1 || got[0][0] != out[0] {
				t.Errorf("after the inner one: %v", got)
			}
			m.Abroad(in, crossing(func() { m.Bug("f", OK) }))
		}))
	})
	if died == nil || len(died.Places) != 2 || died.Places[0][0] != out[0] || died.Places[1][1] != in[1] {
		t.Fatalf("%+v", died)
	}
	if m.Run(func() {}) != nil || len(m.Places()) != 0 || len(died.Places) != 2 {
		t.Errorf("places of the last run: %v", m.Places())
	}
}
