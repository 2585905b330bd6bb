package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func flushDone() Rule {
	return Rule{
		ID:      "flush-done",
		Says:    "A flush that was asked for and granted leaves nothing behind that it covers, on any processor that it is about.",
		Applies: "when a kernel or a hostile guest flushes its TLB or a page, by a hypercall of its own or with an update by address",
		Source:  "Xen, public/xen.h: UVMF_TLB_FLUSH, UVMF_INVLPG, UVMF_LOCAL, UVMF_ALL; do_update_va_mapping, do_mmuext_op; Intel SDM vol. 3, 4.10.4",
		Limits:  "looks at what a TLB holds, so it says something where translations stay cached; nothing of operations that race",
		Goal:    "a flush is asked for where a processor caches something",
		Tell:    tellNotFlushed,
		check:   checkFlushDone,
		ops:     []model.Op{model.OpFlush, model.OpInvlpg, model.OpUpdateVA},
		guest: guest{
			event: func(r *Recount, st *model.Step) (Detail, bool) {
				d, left := leftCached(r.s, st)
				return d, !left || r.racing
			},
			metAt: func(r *Recount, st *model.Step) bool { return flushAsked(st) != flushNothing && cachesAny(r.was) },
			needs: []Means{StaleTLB | UsesPages | Flushes},
		},
	}
}

func checkFlushDone(c *Checker, st *model.Step) result {
	if flushAsked(st) == flushNothing {
		return silent
	}
	if d, left := leftCached(c.s, st); left {
		return c.fail(d)
	}
	return held
}

// flushKind is what a flush is about.
type flushKind uint8

const (
	flushNothing flushKind = iota
	flushPage
	flushEverything
)

// flushAsked is the flush that a step is, or has asked for besides.
func flushAsked(st *model.Step) flushKind {
	switch {
	case st.Errno != model.OK:
	case st.Op == model.OpFlush, st.Op == model.OpUpdateVA && model.UVMF(st.Cmd) == model.UVMFFlush:
		return flushEverything
	case st.Op == model.OpInvlpg, st.Op == model.OpUpdateVA && model.UVMF(st.Cmd) == model.UVMFInvlpg:
		return flushPage
	}
	return flushNothing
}

// leftCached looks for a translation that a flush should have dropped.
func leftCached(s *model.State, st *model.Step) (Detail, bool) {
	what, cpus := flushAsked(st), processors(s, st)
	if what == flushNothing {
		return Detail{}, false
	}
	for n := range s.Processors() {
		if cpus>>n&1 == 0 {
			continue
		}
		if what == flushPage {
			if t, ok := s.TLBOf(n).Of(st.VA &^ (model.PageSize - 1)); ok && ownPage(s, t) {
				return cached(s, n, t), true
			}
			continue
		}
		for t := range s.TLBOf(n).Each {
			if ownPage(s, t) {
				return cached(s, n, t), true
			}
		}
	}
	return Detail{}, false
}

// ownPage reports whether a cached page is the guest's own, and not another domain's.
func ownPage(s *model.State, t model.Cached) bool { return s.L.Geo.Wrap(t.Page) == t.Page }

// cachesAny reports whether some processor has something cached.
func cachesAny(s *model.State) bool {
	for n := range s.Processors() {
		if s.TLBOf(n).Len() > 0 {
			return true
		}
	}
	return false
}

func tellNotFlushed(v *Violation) string {
	return fmt.Sprintf("processor %d has been flushed, and still has page %s cached as %s", v.cpu, v.page(), v.name(v.frame))
}
