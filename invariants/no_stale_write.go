package invariants

import "github.com/ptcheck/ptcheck/model"

func noStaleWrite() Rule {
	return Rule{
		ID:      "no-stale-write",
		Says:    "No processor, no other domain and no device keeps a way to write to a frame that has become a table.",
		Applies: "in every state of a hostile guest",
		Source:  "Xen, arch/x86/mm.c: _get_page_type flushes before a new type is used; XSA-217, XSA-288, XSA-292, XSA-408",
		Limits:  "the TLB keeps what was used until it is flushed, one translation for each page",
		Goal:    "a writable translation is cached, or a device may write to a frame",
		Hyper:   true,
		state:   stateStale,
	}
}

func stateStale(r *Recount) (Detail, bool) {
	for n := range r.s.Processors() {
		for t := range r.s.TLBOf(n).Each {
			if t.Writable && t.Frame >= 0 && r.table(t.Frame) != model.TypeNone {
				return Detail{Frame: t.Frame, VA: t.Page}, false
			}
		}
	}
	for f := range r.frames() {
		if r.s.DeviceWrites(f) && r.table(f) != model.TypeNone {
			return Detail{Frame: f}, false
		}
	}
	return Detail{}, true
}
