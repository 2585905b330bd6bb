package states

import (
	"bytes"
	"cmp"
	"container/heap"
)

// Merge gives the entries of several sources, each in order of its states, in that order. Of
// entries with the same state only the one with the least label is given: one that is only
// known, without a label, hides all others.
func Merge(sources ...Source) Source { return &merge{sources: sources} }

type merge struct {
	sources []Source
	heap    heads
	begun   bool
	now     Entry
}

// head is a source with the entry that comes next from it.
type head struct {
	Entry
	from Source
}

type heads []head

func (h heads) Len() int      { return len(h) }
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h heads) Less(i, j int) bool {
	return cmp.Or(bytes.Compare(h[i].State, h[j].State), bytes.Compare(h[i].Label, h[j].Label)) < 0
}

// Push implements heap.Interface; heads are never pushed.
func (h *heads) Push(any) { panic("states: merge: a source too many") }

// Pop implements heap.Interface.
func (h *heads) Pop() any {
	n := len(*h) - 1
	x := (*h)[n]
	*h = (*h)[:n]
	return x
}

// Next implements Source.
func (m *merge) Next() (Entry, bool, error) {
	if !m.begun {
		m.begun = true
		for _, s := range m.sources {
			e, ok, err := s.Next()
			if err != nil {
				return Entry{}, false, err
			}
			if ok {
				m.heap = append(m.heap, head{e, s})
			}
		}
		heap.Init(&m.heap)
	}
	if len(m.heap) == 0 {
		return Entry{}, false, nil
	}
	first := m.heap[0].Entry
	m.now.State, m.now.Label = append(m.now.State[:0], first.State...), append(m.now.Label[:0], first.Label...)
	for len(m.heap) > 0 && bytes.Equal(m.heap[0].State, m.now.State) {
		if err := m.advance(); err != nil {
			return Entry{}, false, err
		}
	}
	return m.now, true, nil
}

// advance takes the first entry away.
func (m *merge) advance() error {
	e, ok, err := m.heap[0].from.Next()
	switch {
	case err != nil:
		return err
	case !ok:
		heap.Pop(&m.heap)
	default:
		m.heap[0].Entry = e
		heap.Fix(&m.heap, 0)
	}
	return nil
}

// ByLabel gives the labels of a source, which are in order, as states.
func ByLabel(s Source) Source { return labels{s} }

type labels struct{ Source }

// Next implements Source.
func (l labels) Next() (Entry, bool, error) {
	e, ok, err := l.Source.Next()
	return Entry{State: e.Label}, ok, err
}
