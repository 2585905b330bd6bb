package explore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
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
	to, err := newSink(x.fs, x.name(), x.layout, 1<<18)
	if err != nil {
		return err
	}
	var buf [16]byte
	for i := range items {
		r := byState.record(i)
		to.put(&entry{r.hash, r.key, byState.packed(i, &buf)})
	}
	run, err := x.finish(to)
	if err != nil {
		return err
	}
	x.runs = append(x.runs, run)
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
	m, err := newMerger(x.fs, x.runs, x.layout, false, x.budget/4)
	if err != nil {
		return err
	}
	defer m.close()
	to, err := newSink(x.fs, x.name(), x.layout, 1<<20)
	if err != nil {
		return err
	}
	for err == nil && m.head() != nil {
		var e *entry
		if e, err = m.candidate(); err == nil {
			to.put(e)
		}
	}
	run, e := x.finish(to)
	if err = cmp.Or(err, e); err != nil {
		return err
	}
	if err := x.drop(x.runs...); err != nil {
		return err
	}
	x.runs = append(x.runs[:0], run)
	return nil
}

// settle finds out which candidates with keys below limit are new, adds them to the visited states, and
// returns them in order of their keys, with the files in which they are.
func (x *disk) settle(limit uint64) (*merger, []*spill, error) {
	to, err := newSink(x.fs, x.name(), layout{hash: true, size: x.layout.size}, 1<<20)
	if err != nil {
		return nil, nil, err
	}
	news := &byKey{disk: x}
	err = x.sift(to, limit, news)
	all, e := x.finish(to)
	if err = cmp.Or(err, e); err != nil {
		return nil, nil, err
	}
	if err := x.drop(append(x.runs, x.visited)...); err != nil {
		return nil, nil, err
	}
	if known := x.visited.entries; known+news.n != all.entries {
		return nil, nil, misfit("%d visited states and %d new ones have become %d", known, news.n, all.entries)
	}
	x.runs, x.visited = x.runs[:0], all
	return news.sorted()
}

// misfit is the error for counts that do not agree, though the files they were taken from are as they were
// written: it is a fault of the engine or of the machine.
func misfit(what string, args ...any) error {
	return ioError(fmt.Errorf("the counts of a level do not add up: "+what, args...))
}

// sift merges the runs with the visited states: all are written to one, what is new goes to the other.
func (x *disk) sift(all *sink, limit uint64, news *byKey) error {
	m, err := newMerger(x.fs, x.runs, x.layout, false, x.budget/4)
	if err != nil {
		return err
	}
	defer m.close()
	old, err := newSource(x.fs, x.visited, all.layout, 1<<20)
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
	n     uint64 // taken up so far
	files []*spill
}

// add takes up a new state.
func (k *byKey) add(e *entry) error {
	k.items = append(k.items, item{e.key, uint64(len(k.bytes))})
	k.bytes = append(binary.AppendUvarint(k.bytes, uint64(len(e.state))), e.state...)
	k.n++
	if len(k.items)*32+len(k.bytes) < k.budget/4 {
		return nil
	}
	return k.flush()
}

// flush writes a run.
func (k *byKey) flush() error {
	sortItems(k.items, nil)
	to, err := newSink(k.fs, k.name(), layout{key: true, size: k.layout.size}, 1<<18)
	if err != nil {
		return err
	}
	for _, it := range k.items {
		n, p := binary.Uvarint(k.bytes[it.at:])
		at := it.at + uint64(p)
		to.put(&entry{key: it.key, state: k.bytes[at : at+n]})
	}
	run, err := k.finish(to)
	if err != nil {
		return err
	}
	k.files = append(k.files, run)
	k.items, k.bytes = k.items[:0], k.bytes[:0]
	return nil
}

// sorted returns all states in order of their keys, and the files in which they are.
func (k *byKey) sorted() (*merger, []*spill, error) {
	if len(k.items) > 0 {
		if err := k.flush(); err != nil {
			return nil, nil, err
		}
	}
	k.items, k.bytes = nil, nil
	m, err := newMerger(k.fs, k.files, layout{key: true, size: k.layout.size}, true, k.budget/4)
	return m, k.files, err
}
