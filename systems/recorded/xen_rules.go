package recorded

import (
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// Rules are the rules of recordings of guests, besides those of package invariants: they
// hold the model's hypervisor against the real one, which only a recording can.
func Rules() []invariants.Rule {
	const applies = "to recordings of guests of Xen"
	return []invariants.Rule{
		{
			ID:      "answers-agree",
			Says:    "The model's hypervisor answers each request about tables as the real one did.",
			Applies: applies,
			Source:  "Xen, arch/x86/mm.c: do_mmu_update, do_mmuext_op, do_update_va_mapping; arch/x86/pv/ro-page-fault.c",
			Limits:  "says nothing of hypercalls that tables do not depend on, and of those whose arguments were not recorded",
			Goal:    "a request is answered",
		},
		{
			ID:      "tables-agree",
			Says:    "After each request the tables of the model's guest hold what memory holds.",
			Applies: applies,
			Source:  "the same",
			Limits:  "accessed and dirty bits are not looked at, nor tables that no root leads to",
			Goal:    "a request changes an entry",
		},
		{
			ID:      "requests-granted",
			Says:    "The hypervisor refuses no request about tables of a booting kernel's.",
			Applies: applies,
			Source:  "Linux, arch/x86/xen/mmu_pv.c: a refused request is a BUG or a warning",
			Limits:  "later kernels try some requests to see whether they are granted",
			Goal:    "a request is answered",
		},
		{
			ID:      "records-agree",
			Says:    "When the recording ends, the hypervisor has each frame of the guest's as what the model has it as.",
			Applies: applies + " that have the hypervisor's records of the end",
			Source:  "Xen, asm/mm.h: PGT_type_mask, PGT_pinned; asm/x86/mm.c: get_page_type",
			Limits:  "types and pins are compared, counts are only counted: the hypervisor holds references of its own",
			Goal:    "a record is compared",
		},
	}
}

// guestTotals are the counts of the rules about a guest: those above first, then those that
// judge the hypervisor.
func (g *xenGuest) guestTotals() (out []RuleCount) {
	own := Rules()
	c := &g.counts
	for i, n := range []uint64{c.Requests + c.Emulated, c.Compared, c.Requests, c.Records} {
		out = append(out, RuleCount{Rule: &own[i], Exercised: n})
	}
	rules := invariants.GuestRules()
	for i := range rules {
		n := uint64(0)
		if g.judge != nil {
			n = g.judge.Exercised[i]
		}
		out = append(out, RuleCount{Rule: &rules[i], Exercised: n})
	}
	return out
}

// addGuest takes in what is wrong with a guest.
func (l *suspects) addGuest(g *xenGuest, f *xenFinding) {
	rule := g.rule(f.rule)
	frame := model.NoFrame
	if f.frame != model.NoFrame {
		frame = g.native.frame(uint64(g.s.L.Map.MFN(f.frame)))
	}
	e := invariants.TraceEvent{Op: invariants.TraceStore, CPU: f.event.CPU, Line: f.event.Line, RIP: f.event.RIP, Frame: frame, Slot: f.slot}
	l.take(&suspect{rule: rule, event: e, line: e.Line, text: f.text, count: 1})
}

// rule finds a rule about guests.
func (g *xenGuest) rule(id string) *invariants.Rule {
	for _, c := range g.guestTotals() {
		if c.Rule.ID == id {
			return c.Rule
		}
	}
	return nil
}
