package model

// TLB caches translations. A real one may keep or drop any translation at any
// time; this one either keeps nothing (the zero value: every access walks the
// live tables) or, when Sticky, keeps every translation that was used until it
// is flushed, which is the stalest TLB there can be.
type TLB struct {
	Sticky  bool
	entries []tlbEntry // ascending by page
	// fills counts the translations that have come, recent are the pages of the last ones.
	fills  uint64
	recent []VA
}

// maxRecent is how many of the last fills a TLB remembers, for who looks at what is new.
const maxRecent = 16

type tlbEntry struct {
	page  VA
	frame Frame
	write bool
	user  bool
	glob  bool
}

// grants reports whether an access may use the translation.
func (e *tlbEntry) grants(a access) bool { return (!a.write || e.write) && (!a.user || e.user) }

// find is the place of a page's translation, or the one where it goes.
func (t *TLB) find(page VA) (i int, ok bool) {
	end := len(t.entries)
	for i < end {
		if mid := int(uint(i+end) >> 1); t.entries[mid].page < page {
			i = mid + 1
		} else {
			end = mid
		}
	}
	return i, i < len(t.entries) && t.entries[i].page == page
}

// lookup returns the cached translation of a page.
func (t *TLB) lookup(page VA) (tlbEntry, bool) {
	if i, ok := t.find(page); ok {
		return t.entries[i], true
	}
	return tlbEntry{}, false
}

// fill remembers a translation, replacing an older one of the same page. The
// translations are kept in address order: which was used first does not matter.
func (t *TLB) fill(e tlbEntry) {
	if !t.Sticky {
		return
	}
	i, ok := t.find(e.page)
	if !ok {
		t.entries = append(t.entries, tlbEntry{})
		copy(t.entries[i+1:], t.entries[i:])
	}
	t.entries[i] = e
	if t.recent == nil {
		t.recent = make([]VA, maxRecent)
	}
	t.recent[t.fills%maxRecent] = e.page
	t.fills++
}

// flushPage drops one page's translation, as INVLPG does.
func (t *TLB) flushPage(page VA) {
	if i, ok := t.find(page); ok {
		t.entries = append(t.entries[:i], t.entries[i+1:]...)
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
	for i := range t.entries {
		if !yield(t.entries[i].cached()) {
			return
		}
	}
}

func (e *tlbEntry) cached() Cached {
	return Cached{Page: e.page, Frame: e.frame, Writable: e.write, User: e.user}
}

// Len is the number of cached translations.
func (t *TLB) Len() int { return len(t.entries) }

// Of is the cached translation of a page, if there is one.
func (t *TLB) Of(page VA) (Cached, bool) {
	if i, ok := t.find(page); ok {
		return t.entries[i].cached(), true
	}
	return Cached{}, false
}

// Between calls yield for the cached translations of pages from one up to another, that one
// too, in ascending order, until it returns false. It reports whether it never did.
func (t *TLB) Between(from, last VA, yield func(Cached) bool) bool {
	for i, _ := t.find(from); i < len(t.entries) && t.entries[i].page <= last; i++ {
		if !yield(t.entries[i].cached()) {
			return false
		}
	}
	return true
}

// Fills is how many translations have come so far, for [TLB.Since].
func (t *TLB) Fills() uint64 { return t.fills }

// Since calls yield for the translations that have come since there were so many fills and
// are still there, until it returns false. all says that it cannot tell which these are.
func (t *TLB) Since(fills uint64, yield func(Cached) bool) (all bool) {
	if t.fills-fills > maxRecent {
		return true
	}
	for ; fills < t.fills; fills++ {
		if i, ok := t.find(t.recent[fills%maxRecent]); ok && !yield(t.entries[i].cached()) {
			return false
		}
	}
	return false
}

func (t *TLB) copyFrom(o *TLB) {
	t.Sticky = o.Sticky
	t.entries = append(t.entries[:0], o.entries...)
	t.renewed()
}

// renewed says that the translations are not those that there were, nor have they been filled.
func (t *TLB) renewed() { t.fills += maxRecent + 1 }
