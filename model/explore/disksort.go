package explore

import (
	"bytes"
	"encoding/binary"
)

// addRun writes the candidates of a round to a file, sorted by state.
func (x *disk) addRun(l line) error {
	if l.len() == 0 {
		return nil
	}
	items := make([]item, l.len())
	for i, it := range l.items {
		items[i] = item{l.record(i).hash, it.at}
	}
	sortItems(items, nil)
	byState := line{items: items, owners: l.owners, size: l.size}
	byState.breakTies()
	name := x.name()
	to, err := newSink(name, x.layout, 1<<18)
	if err != nil {
		return err
	}
	var buf [16]byte
	for i := range items {
		r := byState.record(i)
		to.put(&entry{r.hash, r.key, byState.packed(i, &buf)})
	}
	if err := to.finish(); err != nil {
		return err
	}
	x.grown(name, to.bytes)
	x.runs = append(x.runs, name)
	if len(x.runs) < x.many {
		return nil
	}
	return x.mergeRuns()
}

// breakTies sorts the few different states that share a hash.
func (l line) breakTies() {
	var a, b [16]byte
	for i := 1; i < len(l.items); i++ {
		for j := i; j > 0 && l.items[j].key == l.items[j-1].key && bytes.Compare(l.packed(j, &a), l.packed(j-1, &b)) < 0; j-- {
			l.items[j], l.items[j-1] = l.items[j-1], l.items[j]
		}
	}
}

// mergeRuns makes one run of all.
func (x *disk) mergeRuns() error {
	m, err := newMerger(x.runs, x.layout, false, x.budget/4)
	if err != nil {
		return err
	}
	defer m.close()
	name := x.name()
	to, err := newSink(name, x.layout, 1<<20)
	if err != nil {
		return err
	}
	for m.head() != nil {
		e, err := m.candidate()
		if err != nil {
			return err
		}
		to.put(e)
	}
	if err := to.finish(); err != nil {
		return err
	}
	x.grown(name, to.bytes)
	if err := x.drop(x.runs...); err != nil {
		return err
	}
	x.runs = append(x.runs[:0], name)
	return nil
}

// settle finds out which candidates with keys below limit are new, adds them to the visited states, and
// returns them in order of their keys, with the files in which they are.
func (x *disk) settle(limit uint64) (*merger, []string, error) {
	l := layout{hash: true, size: x.layout.size}
	name := x.name()
	all, err := newSink(name, l, 1<<20)
	if err != nil {
		return nil, nil, err
	}
	news := &byKey{disk: x}
	err = x.sift(all, limit, news)
	if e := all.finish(); err == nil {
		err = e
	}
	x.grown(name, all.bytes)
	if err == nil {
		err = x.drop(append(x.runs, x.visited)...)
	}
	if err != nil {
		return nil, nil, err
	}
	x.runs, x.visited = x.runs[:0], name
	return news.sorted()
}

// sift merges the runs with the visited states: all are written to one, what is new goes to the other.
func (x *disk) sift(all *sink, limit uint64, news *byKey) error {
	m, err := newMerger(x.runs, x.layout, false, x.budget/4)
	if err != nil {
		return err
	}
	defer m.close()
	old, err := newSource(x.visited, all.layout, 1<<20)
	if err != nil {
		return err
	}
	defer old.close()
	for err == nil && (m.head() != nil || !old.done) {
		if m.head() == nil {
			all.put(&old.entry)
			err = old.next()
			continue
		}
		var e *entry
		if e, err = m.candidate(); err != nil {
			return err
		}
		for err == nil && !old.done && old.entry.compare(e) < 0 {
			all.put(&old.entry)
			err = old.next()
		}
		if err == nil && e.key < limit && (old.done || old.entry.compare(e) != 0) {
			all.put(e)
			err = news.add(e)
		}
	}
	return err
}

// byKey sorts new states by key, in memory as far as they fit, else by runs.
type byKey struct {
	*disk
	items []item // at is the place in bytes
	bytes []byte // entries with their lengths, one after another
	names []string
}

// add takes up a new state.
func (k *byKey) add(e *entry) error {
	k.items = append(k.items, item{e.key, uint64(len(k.bytes))})
	k.bytes = append(binary.AppendUvarint(k.bytes, uint64(len(e.state))), e.state...)
	if len(k.items)*32+len(k.bytes) < k.budget/4 {
		return nil
	}
	return k.flush()
}

// flush writes a run.
func (k *byKey) flush() error {
	sortItems(k.items, nil)
	name := k.name()
	to, err := newSink(name, layout{key: true, size: k.layout.size}, 1<<18)
	if err != nil {
		return err
	}
	for _, it := range k.items {
		n, p := binary.Uvarint(k.bytes[it.at:])
		at := it.at + uint64(p)
		to.put(&entry{key: it.key, state: k.bytes[at : at+n]})
	}
	if err := to.finish(); err != nil {
		return err
	}
	k.grown(name, to.bytes)
	k.names = append(k.names, name)
	k.items, k.bytes = k.items[:0], k.bytes[:0]
	return nil
}

// sorted returns all states in order of their keys, and the files in which they are.
func (k *byKey) sorted() (*merger, []string, error) {
	if len(k.items) > 0 {
		if err := k.flush(); err != nil {
			return nil, nil, err
		}
	}
	k.items, k.bytes = nil, nil
	m, err := newMerger(k.names, layout{key: true, size: k.layout.size}, true, k.budget/4)
	return m, k.names, err
}
