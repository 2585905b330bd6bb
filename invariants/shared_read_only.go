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
	for f, n := range r.mapped {
		switch {
		case n < 2:
		case r.ownWrite&bit(model.Frame(f)) != 0:
			own := c.whoever(about(model.Frame(f)), func(t table, e model.Entry) bool {
				return e.Is(model.Present|model.RW) && t.maps(e, model.Frame(f)) && t.base < model.VA(1)<<(t.g.VABits()-1)
			})
			return c.fail(own.WithCounts(int(n), 0))
		default:
			out = held
		}
	}
	return out
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
