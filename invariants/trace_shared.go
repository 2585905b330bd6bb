package invariants

import "github.com/ptcheck/ptcheck/model"

// rootKey is a root: its frame, and where in it a PAE root begins.
type rootKey struct {
	frame model.Frame
	slot  int
}

// rootOn is the root of a processor.
func (t *Trace) rootOn(c *traceCPU) rootKey {
	if t.levels != 3 {
		return rootKey{frame: c.root}
	}
	return rootKey{c.root, rootSlot(c.cr3)}
}

// sharedParts is what is known of the kernel's part of the roots.
type sharedParts struct {
	// version counts the stores to the kernel's part of roots; checked says, by root, up to
	// which it has been compared.
	version uint64
	checked map[rootKey]uint64
	// loaded are the roots that have been loaded.
	loaded map[rootKey]bool
	// last is the root of the kernel's that was loaded last.
	last rootKey
	// split says that user mode has roots of its own.
	split bool
}

func (p *sharedParts) reset() {
	*p = sharedParts{version: p.version + 1, checked: map[rootKey]uint64{}, loaded: map[rootKey]bool{}, last: rootKey{frame: model.NoFrame}, split: p.split}
}

// stored takes in a store.
func (p *sharedParts) stored(t *Trace, tb *tracedTable) {
	if tb.root || t.levels == 3 && tb.level == 2 {
		p.version++
	}
}

// gone takes in that a table goes out of use.
func (p *sharedParts) gone(f model.Frame) {
	for k := range p.loaded {
		if k.frame == f {
			delete(p.checked, k)
			delete(p.loaded, k)
		}
	}
	if p.last.frame == f {
		p.last.frame = model.NoFrame
	}
}
