package invariants

import "github.com/ptcheck/ptcheck/model"

// sharedParts is what is known of the kernel's part of the roots.
type sharedParts struct {
	// version counts the stores to the kernel's part of roots; checked says, by root, up to
	// which it has been compared.
	version uint64
	checked map[model.Frame]uint64
	// loaded are the roots that have been loaded.
	loaded map[model.Frame]bool
	// last is the root of the kernel's that was loaded last.
	last model.Frame
	// split says that user mode has roots of its own.
	split bool
}

func (p *sharedParts) reset() {
	*p = sharedParts{version: p.version + 1, checked: map[model.Frame]uint64{}, loaded: map[model.Frame]bool{}, last: model.NoFrame, split: p.split}
}

// stored takes in a store.
func (p *sharedParts) stored(t *Trace, tb *tracedTable) {
	if tb.root || t.levels == 3 && tb.level == 2 {
		p.version++
	}
}

// gone takes in that a table goes out of use.
func (p *sharedParts) gone(f model.Frame) {
	delete(p.checked, f)
	delete(p.loaded, f)
	if p.last == f {
		p.last = model.NoFrame
	}
}
