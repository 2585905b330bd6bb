package model

// TLB caches translations. A real one may keep or drop any translation at any
// time; this one either keeps nothing (the zero value: every access walks the
// live tables) or, when Sticky, keeps every translation that was used until it
// is flushed, which is the stalest TLB there can be.
type TLB struct {
	Sticky  bool
	entries []tlbEntry
}

type tlbEntry struct {
	page  VA
	frame Frame
	write bool
	user  bool
	glob  bool
}

// grants reports whether an access may use the translation.
func (e *tlbEntry) grants(a access) bool { return (!a.write || e.write) && (!a.user || e.user) }

// lookup returns the cached translation of a page.
func (t *TLB) lookup(page VA) (tlbEntry, bool) {
	for _, e := range t.entries {
		if e.page == page {
			return e, true
		}
	}
	return tlbEntry{}, false
}

// fill remembers a translation, replacing an older one of the same page. The
// translations are kept in address order: which was used first does not matter.
func (t *TLB) fill(e tlbEntry) {
	if !t.Sticky {
		return
	}
	i := 0
	for i < len(t.entries) && t.entries[i].page < e.page {
		i++
	}
	if i == len(t.entries) || t.entries[i].page != e.page {
		t.entries = append(t.entries, tlbEntry{})
		copy(t.entries[i+1:], t.entries[i:])
	}
	t.entries[i] = e
}

// flushPage drops one page's translation, as INVLPG does.
func (t *TLB) flushPage(page VA) {
	for i := range t.entries {
		if t.entries[i].page == page {
			t.entries = append(t.entries[:i], t.entries[i+1:]...)
			return
		}
	}
}

// flush drops all translations; global ones only when asked.
func (t *TLB) flush(global bool) {
	kept := t.entries[:0]
	for _, e := range t.entries {
		if e.glob && !global {
			kept = append(kept, e)
		}
	}
	t.entries = kept
}

// flushRange drops the translations of pages from one address up to another.
func (t *TLB) flushRange(from, to VA) {
	kept := t.entries[:0]
	for _, e := range t.entries {
		if e.page < from || e.page >= to {
			kept = append(kept, e)
		}
	}
	t.entries = kept
}

// Cached is a translation that the TLB holds.
type Cached struct {
	Page     VA
	Frame    Frame
	Writable bool
	User     bool // user mode may use it, where there is one
}

// Each calls yield for every cached translation, in ascending address order.
func (t *TLB) Each(yield func(Cached) bool) {
	for _, e := range t.entries {
		if !yield(Cached{Page: e.page, Frame: e.frame, Writable: e.write, User: e.user}) {
			return
		}
	}
}

func (t *TLB) copyFrom(o *TLB) {
	t.Sticky = o.Sticky
	t.entries = append(t.entries[:0], o.entries...)
}
