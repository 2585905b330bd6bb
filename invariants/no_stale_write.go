package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func noStaleWrite() Rule {
	return Rule{
		ID:      "no-stale-write",
		Says:    "No processor, no other domain and no device keeps a way to write to a frame that has become a table, and none of the guest's to one that it has given away.",
		Applies: "in every state of a hostile guest",
		Source:  "Xen, arch/x86/mm.c: _get_page_type flushes before a new type is used; XSA-217, XSA-288, XSA-292, XSA-408",
		Limits:  "the TLB keeps what was used until it is flushed, one translation for each page",
		Goal:    "a writable translation is cached, or a device may write to a frame",
		Machine: UnderHypervisor,
		Tell:    tellCached,
		guest:   guest{state: stateStale, metBy: (*Recount).writesBehind, needs: []Means{StaleTLB | UsesPages, AssignsDevices}},
	}
}

func stateStale(r *Recount) (Detail, bool) {
	for n := range r.s.Processors() {
		for t := range r.s.TLBOf(n).Each {
			if t.Frame < 0 || !t.Writable {
				continue
			}
			own := r.s.L.Geo.Wrap(t.Page) == t.Page // and not another domain's
			if r.table(t.Frame) != model.TypeNone || own && r.s.Given(t.Frame) {
				return cached(r.s, n, t), false
			}
		}
	}
	for _, f := range r.look {
		if r.s.DeviceWrites(f) && r.table(f) != model.TypeNone {
			return about(f), false
		}
	}
	return Detail{}, true
}

// writesBehind reports whether somebody could write to a frame without asking the
// tables again.
func (r *Recount) writesBehind() bool {
	for n := range r.s.Processors() {
		for t := range r.s.TLBOf(n).Each {
			if t.Writable && t.Frame >= 0 {
				return true
			}
		}
	}
	for _, f := range r.look {
		if r.s.DeviceWrites(f) {
			return true
		}
	}
	return false
}

// cached points at a translation in a processor's TLB, and at its page if that is an
// address of the guest's.
func cached(s *model.State, cpu int, t model.Cached) Detail {
	d := about(t.Frame).WithCPU(cpu)
	if s.L.Geo.Wrap(t.Page) == t.Page {
		d = d.WithAddress(t.Page)
	}
	return d
}

// tellCached says who can still write to a table.
func tellCached(v *Violation) string {
	name, kind := v.name(v.frame), v.uses(v.frame).Table
	switch {
	case v.has&partCPU != 0 && kind == model.TypeNone:
		return fmt.Sprintf("processor %d still has page %s cached as %s, writable, which belongs to another domain now", v.cpu, v.page(), name)
	case v.has&partCPU == 0:
		return fmt.Sprintf("a device can still write to %s, which is in use as %v", name, kind)
	case v.has&partAddress == 0:
		return fmt.Sprintf("processor %d still has another domain's mapping of %s cached, writable; %s is in use as %v", v.cpu, name, name, kind)
	}
	return fmt.Sprintf("processor %d still has page %s cached as %s, writable; %s is in use as %v", v.cpu, v.page(), name, name, kind)
}
