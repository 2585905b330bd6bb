package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func sharedReadOnly() Rule {
	return Rule{
		ID:      "shared-read-only",
		Says:    "A page that several processes map is writable in none of them: the first that writes gets a copy.",
		Applies: "after boot, when a call ends and nobody is in the middle of one or lazy",
		Source:  "Linux, copy_one_pte (ptep_set_wrprotect), do_wp_page",
		Limits:  "looks at tables; what a TLB may still hold is the business of changes-flushed; memory that is shared on purpose is not modelled",
		Goal:    "a page is shared",
		Span:    Living,
		Tell:    tellShared,
		check:   checkShared,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkShared(c *Checker, st *model.Step) result {
	if !c.quiet(st) {
		return silent
	}
	r, out := c.users(), silent
	bad := model.NoFrame
	r.counted.each(func(f model.Frame) {
		if r.mapped[f] < 2 {
			return
		}
		out = held
		if r.ownWrite.has(f) && (bad == model.NoFrame || f < bad) {
			bad = f
		}
	})
	if bad == model.NoFrame {
		return out
	}
	own := c.whoever(about(bad), func(t table, e model.Entry) bool {
		return e.Is(model.Present|model.RW) && t.maps(e, bad) && t.base < model.VA(1)<<(t.g.VABits()-1)
	})
	return c.fail(own.WithCounts(int(r.mapped[bad]), 0))
}

func tellShared(v *Violation) string {
	text := fmt.Sprintf("%s is mapped by processes in %d places, and one of them is writable%s: %s", v.name(v.frame), v.count, v.there(), v.entry())
	v.sightings(func(x sighting) bool {
		if x.base < halfOf(v.State.L) && x.names(x.e, v.frame) && (x.table.frame != v.table || x.slot != v.slot) {
			text += fmt.Sprintf("; another%s: entry %s[%d] is %s", " at "+v.place(&x), v.name(x.table.frame), x.slot, v.EntryText(x.e))
		}
		return true
	})
	return text
}
