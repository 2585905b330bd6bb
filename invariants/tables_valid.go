package invariants

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

func tablesValid() Rule {
	return Rule{
		ID:      "tables-valid",
		Says:    "Every table that counts as validated would pass its audit again: legal flags, frames of the guest's, tables of the level below; and so would every descriptor table.",
		Applies: "in every state of a hostile guest, and when a call of a kernel under a hypervisor ends",
		Source:  "Xen, arch/x86/mm.c: get_page_from_l1e to get_page_from_l4e, validate_segdesc_page; XSA-148, XSA-214",
		Limits:  "says nothing of frames outside the model, and of descriptors only whether they are gates or system segments that a guest must not have",
		Goal:    "a call ends; of a hostile guest: a table counts as validated that did not at the start",
		Machine: UnderHypervisor,
		Tell:    tellValid,
		ops:     []model.Op{model.OpCallEnd},
		check:   atCallEnds(stateTablesValid),
		trace: &traceRule{
			applies: "to each new present entry of a table",
			limits:  "how wide an address is comes from the recording's header; large pages of two-level tables may lie above 4 GiB",
			ops:     []TraceOp{TraceStore, TraceAdopt},
			check:   traceValid,
			on:      OnMetal,
		},
		guest: guest{state: stateTablesValid, metBy: (*Recount).newlyValid, needs: []Means{Pins, LoadsGDT}},
	}
}

func stateTablesValid(r *Recount) (Detail, bool) {
	for _, f := range r.look {
		i := r.s.InfoAt(f)
		if i.T == 0 || !i.Is(model.Validated) {
			continue
		}
		level := i.Typ.Level()
		if i.Typ == model.TypeSegDesc {
			if d, ok := auditDescriptors(r, f); !ok {
				return d, false
			}
		}
		if level == 0 || level == 1 && i.G == 0 {
			continue
		}
		at, bad := 0, model.Entry(0)
		legal := r.children(f, level, func(slot int, e model.Entry, child model.Frame) bool {
			at, bad = slot, e
			return legalEntry(r, f, level, slot, e, child)
		})
		if !legal {
			return atEntry(f, at, bad), false
		}
	}
	return Detail{}, true
}

// legalEntry reports whether a present entry of a validated table may be there.
func legalEntry(r *Recount, f model.Frame, level, slot int, e model.Entry, child model.Frame) bool {
	l := r.s.L
	if e&illegalFlags(l, level) != 0 {
		return false
	}
	if child < 0 {
		return level == 1 && l.Hyper.Regions != nil
	}
	i := r.s.InfoAt(child)
	if i.G == 0 || !l.Map.IsGuest(child) && l.Hyper.Extra[int(child)-l.Map.Guest()].Kind != model.SharedInfo {
		return false
	}
	switch {
	case level == 1:
		return true // what is mapped writable is the business of tables-read-only
	case child == f:
		return true // what a same-level entry may be is that of linear-one-deep
	case i.T == 0 || i.Flags&model.Validated == 0:
		return false
	}
	if l.PAESpecial() && level == l.Geo.Root() && i.InUseAs(model.TypeL2) {
		return i.Is(model.PAEXenL2) == (slot == l.Geo.Slots[level]-1)
	}
	return i.InUseAs(model.TableType(level-1)) || i.InUseAs(model.TableType(level))
}

// illegalFlags are the flags that no present entry of a level may have once it has
// been stored.
func illegalFlags(l *model.Layout, level int) model.Entry {
	const caching = model.PWT | model.PCD | model.PSE
	modern, pae := l.Hyper.Profile.Modern, l.PAESpecial()
	wide := l.Geo.SignExtend
	switch {
	case level == 1 && l.Hyper.Devices:
		return 0
	case level == 1 && modern:
		// Device memory is mapped uncached by Xen itself.
		if l.Hyper.Regions != nil {
			return 0
		}
		return caching
	case level == 1 && wide:
		return model.PSE
	case pae && level == l.Geo.Root() && modern:
		return model.NX | model.PSE | model.PWT | model.PCD | model.Global
	case pae && level == l.Geo.Root():
		return model.NX | model.PSE | model.Global | model.RW | model.User | model.Accessed | model.Dirty
	case modern:
		return caching | model.Global
	}
	return model.PSE | model.Global
}

// auditDescriptors looks at a descriptor table that is in use: of system
// descriptors a guest may have call gates only (Intel SDM vol. 3, 3.5).
func auditDescriptors(r *Recount, f model.Frame) (Detail, bool) {
	const present, segment, kind, gate = 1 << 47, 1 << 44, 15 << 40, 12 << 40
	for w, d := range r.s.Words(f) {
		if d&present != 0 && d&segment == 0 && d&kind != 0 && d&kind != gate {
			return about(f).WithWord(w, d), false
		}
	}
	return Detail{}, true
}

// validated reports whether a frame is a table that counts as validated.
func (r *Recount) validated(f model.Frame) bool {
	i := r.s.InfoAt(f)
	return i.T > 0 && i.Is(model.Validated) && (i.Typ.Level() > 0 || i.Typ == model.TypeSegDesc)
}

// newlyValid reports whether a table counts as validated that did not at the start.
func (r *Recount) newlyValid() bool {
	return slices.ContainsFunc(r.look, func(f model.Frame) bool { return !r.valid[f] && r.validated(f) })
}

func tellValid(v *Violation) string {
	if v.why != "" {
		return v.parts()
	}
	if v.has&partWord != 0 {
		return fmt.Sprintf("%s is in use as a descriptor table; descriptor %d is %#x, which no guest may have", v.name(v.frame), v.number, v.word)
	}
	text := fmt.Sprintf("%s in a validated %v", v.entry(), v.State.InfoAt(v.table).Typ)
	switch to := v.to(); {
	case to < 0:
		return text + "; it names no frame that the guest has"
	case !v.State.L.Map.IsGuest(to):
		return fmt.Sprintf("%s; %s is %s, and not the guest's", text, v.name(to), v.record(to))
	case v.State.InfoAt(to).G == 0:
		return fmt.Sprintf("%s; %s is nobody's: there is no reference to it", text, v.name(to))
	default:
		return fmt.Sprintf("%s; %s is %s", text, v.name(to), v.record(to))
	}
}

// rootReserved are bits of the entries of a PAE root that are reserved. Bit 5 is, too, but
// emulated processors mark it as accessed.
const rootReserved = model.Dirty | model.PSE | model.Global

// traceValid judges an event of a trace.
func traceValid(t *Trace, e *TraceEvent) (d Detail, r result) {
	tb := t.tables[e.Frame]
	if e.Op == TraceStore {
		if !e.New.Is(model.Present) || e.Old == e.New {
			return Detail{}, silent
		}
		if why := t.invalid(tb, e.New); why != "" {
			return atEntry(e.Frame, e.Slot, e.New).Because(why), broken
		}
		return Detail{}, held
	}
	t.eachEntry(tb, func(slot int, now model.Entry) {
		if r == broken || !now.Is(model.Present) {
			return
		}
		r = held
		if why := t.invalid(tb, now); why != "" {
			d, r = atEntry(tb.frame, slot, now).Because(why), broken
		}
	})
	return d, r
}

// invalid says why a present entry of a table cannot be used, "" if it can: reserved bits
// (Intel SDM vol. 3, 4.3 to 4.5), or no table where it leads.
func (t *Trace) invalid(tb *tracedTable, e model.Entry) string {
	pae := t.levels == 3 && tb.level == 3
	leaf := t.isLeaf(tb.level, e)
	switch {
	case t.width == 8 && t.about.PhysBits > 0 && e&model.FrameMask>>uint(t.about.PhysBits) != 0:
		return "the address is wider than the processor's"
	case t.width == 8 && e.Is(model.NX) && !t.noExecute():
		return "it has no-execute, and EFER.NXE is off"
	case pae && e&(model.RW|model.User|model.NX|rootReserved) != 0:
		return "bits of the root's entry are reserved"
	case tb.level > 3 && e.Is(model.PSE):
		return "no page is that large"
	case leaf && t.width == 8 && t.s.L.Names(e)&(t.pages(tb.level)-1) > 1:
		return "the large page is not aligned"
	case !leaf && t.child(tb, e) == nil && t.s.L.Map.Frame(t.s.L.Names(e)) != tb.frame:
		return "it leads to no table of the level below"
	}
	return ""
}
