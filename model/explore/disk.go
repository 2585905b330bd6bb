package explore

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
)

const (
	// diskBudget is the memory for a search on disk that is given no limit.
	diskBudget = 256 << 20
	// diskLeast is the least memory in which a search on disk is sensible.
	diskLeast = 16 << 20
	// diskStep is the largest number of states in a slice; slices are remembered for a whole level.
	diskStep = 1 << 12
	// manyRuns is the number of runs that are merged into one.
	manyRuns = 200
)

// disk is the store that keeps states in files. Which successors are new is not known before the end of the
// level: until then they are candidates, kept in runs sorted by state. At the end the runs are merged with the
// file of all states so far; what is left are the new states, which are then sorted by key.
type disk struct {
	table  // never filled; only its home slots are asked for
	fs     fileSystem
	folder folder
	layout layout // of candidates
	budget int    // bytes of memory
	many   int    // runs that are merged into one lest there be too many open files

	n       uint64
	states  *spillWriter // all states in order of their numbers
	samples []uint64     // varying length: places of states 0, 64, 128...

	visited *spill // all states, good and bad, sorted by state
	runs    []*spill
	held    uint64 // bytes in all finished files
	peak    uint64 // bytes on disk at the most
	made    int    // files made so far

	window *arena // states to be expanded, as far as they are in memory
	base   uint64 // number of the first of them
	inits  map[string]uint64
	err    error // of a function that cannot return one
}

// newDisk makes an empty store in a new directory below opt.Disk.
func newDisk(opt Options, size int, mem *memory) (*disk, error) {
	folder, err := newFolder(opt.Disk)
	if err != nil {
		return nil, err
	}
	x := &disk{
		table: newTable(1, mem), fs: opt.files, folder: folder, layout: layout{hash: true, key: true, size: size},
		budget: diskBudget, many: manyRuns, window: newArena(size, mem), inits: map[string]uint64{},
	}
	if opt.MaxMemory > 0 {
		x.budget = int(min(opt.MaxMemory, 1<<40))
	}
	if opt.tight {
		x.budget, x.many = 4096, 4
	}
	if x.states, err = newSpill(x.fs, filepath.Join(folder.path, statesName), 1<<20); err != nil {
		folder.remove()
		return nil, err
	}
	return x, nil
}

// remove deletes all files.
func (x *disk) remove() {
	x.states.f.Close()
	x.folder.remove()
}

// name returns a name for a new file.
func (x *disk) name() string {
	x.made++
	return filepath.Join(x.folder.path, fmt.Sprintf(runPrefix+"%06d", x.made))
}

// finish completes a file.
func (x *disk) finish(to *sink) (*spill, error) {
	s, err := to.finish()
	if err != nil {
		return nil, err
	}
	x.held += s.bytes
	x.peak = max(x.peak, x.held+x.states.bytes)
	return s, nil
}

// drop deletes files.
func (x *disk) drop(files ...*spill) error {
	for _, s := range files {
		x.held -= s.bytes
		if err := x.fs.remove(s.name); err != nil {
			return ioError(err)
		}
	}
	return nil
}

// find implements store: but for initial states, nothing is known before the end of a level.
func (x *disk) find(items []pending, bytes []byte) {
	var buf [16]byte
	for i := range items {
		p := &items[i]
		p.cand = 0
		if x.inits == nil {
			continue
		}
		state := bytes
		if x.window.words() {
			state = wordBytes(p.a, p.b, &buf)[:x.layout.size]
		}
		if _, ok := x.inits[string(state)]; ok {
			p.cand = 1
		}
	}
}

// len implements store.
func (x *disk) len() uint64 { return x.n }

// front implements store.
func (x *disk) front() (*arena, uint64) { return x.window, x.base }

// needs implements store: what there is to be kept goes to files.
func (x *disk) needs(_, _ uint64) uint64 { return 0 }

// used implements store.
func (x *disk) used() uint64 {
	n := uint64(len(x.samples))*8 + x.states.sumsBytes()
	if x.visited != nil {
		n += x.visited.sumsBytes()
	}
	return n
}

// add implements store, for initial states only.
func (x *disk) add(l line, _ []*worker) (left []int) {
	var buf [16]byte
	for i := range l.items {
		state := l.packed(i, &buf)
		x.inits[string(state)] = l.record(i).hash
		x.append(state)
	}
	return nil
}

// endLevel implements store. After the initial states it makes the first file of visited states.
func (x *disk) endLevel() {
	if x.inits == nil {
		return
	}
	all := make([]entry, 0, len(x.inits))
	for state, hash := range x.inits {
		all = append(all, entry{hash: hash, state: []byte(state)})
	}
	x.inits = nil
	slices.SortFunc(all, func(a, b entry) int { return a.compare(&b) })
	to, err := newSink(x.fs, x.name(), layout{hash: true, size: x.layout.size}, 1<<16)
	if err != nil {
		x.err = err
		return
	}
	for i := range all {
		to.put(&all[i])
	}
	x.visited, x.err = x.finish(to)
}

// append gives a state the next number. An error shows in x.states.err.
func (x *disk) append(state []byte) {
	if x.layout.size == 0 {
		if x.n&(1<<sampleBits-1) == 0 {
			x.samples = append(x.samples, x.states.bytes)
		}
		var prefix [binary.MaxVarintLen64]byte
		x.states.write(prefix[:binary.PutUvarint(prefix[:], uint64(len(state)))])
	}
	x.states.write(state)
	x.states.entries++
	x.n++
}

// read returns a reader of the states from number id on, good until the next append.
func (x *disk) read(id uint64, buffer int) (*source, error) {
	l := layout{size: x.layout.size}
	at, skip := id*uint64(l.size), uint64(0)
	if l.size == 0 {
		at, skip = x.samples[id>>sampleBits], id&(1<<sampleBits-1)
	}
	s := &source{layout: l, spillReader: x.states.reader(at, buffer), left: x.states.entries - id + skip}
	for range skip + 1 {
		if err := s.next(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// state implements store.
func (x *disk) state(id uint64) ([]byte, error) {
	s, err := x.read(id, spillBlock)
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.entry.state), nil
}

// load puts states from number first up to last into the window, as many as there is room for.
func (x *disk) load(first, last uint64) error {
	if err := cmp.Or(x.err, x.states.err); err != nil {
		return err
	}
	if first < x.base+x.window.n && first >= x.base {
		return nil // still there
	}
	x.window.reset()
	x.base = first
	s, err := x.read(first, 1<<20)
	for ; err == nil && first < last && x.window.used() < uint64(x.budget/8); first++ {
		x.window.append(s.entry.state)
		err = s.next()
	}
	return err
}

// chain implements store.
func (x *disk) chain(id uint64, p *parents, _ *replayer) ([][]byte, error) {
	var back [][]byte
	for ok := true; ok; id, ok = p.of(id) {
		state, err := x.state(id)
		if err != nil {
			return nil, err
		}
		back = append(back, state)
	}
	slices.Reverse(back)
	return back, nil
}
