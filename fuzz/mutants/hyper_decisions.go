package mutants

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hostile"
)

// decisionMutants are mistakes that nobody is known to have made, one for each
// decision of the hypervisor that a state of its counts does not show: what is
// stored, what is looked at, what is told and what is undone.
func decisionMutants() []Mutant {
	var out []Mutant
	out = append(out, storedMutants()...)
	out = append(out, flagMutants()...)
	out = append(out, absentMutants()...)
	out = append(out, undoMutants()...)
	out = append(out, slotMutants()...)
	out = append(out, refusingMutants()...)
	out = append(out, stampMutants()...)
	return out
}

// storing has something else stored on one path, of entries of a level; level 0
// stands for all.
func storing(by model.Path, level int, change func(asked, right model.Entry) model.Entry) model.Mutant {
	return model.Mutant{Stored: func(path model.Path, at int, asked, right model.Entry) model.Entry {
		if path == by && (level == 0 || level == at) {
			return change(asked, right)
		}
		return right
	}}
}

// asAsked stores what was asked for, without what the hypervisor adds.
func asAsked(asked, _ model.Entry) model.Entry { return asked }

// without leaves flags out that the hypervisor adds.
func without(flags model.Entry) func(asked, right model.Entry) model.Entry {
	return func(asked, right model.Entry) model.Entry { return right &^ (flags &^ asked) }
}

func storedMutants() []Mutant {
	const source = "Xen, arch/x86/pv/mm.h, adjust_guest_l1e to adjust_guest_l4e"
	leaves := hostile.Options{Slots: []int{1, 2}, Wide: true, Frames: 3, Memory: []string{"f1 0 f1:P"},
		Ops: []string{"mu", "put", "put-locked"}, Flags: []string{"P", "PU"}, Targets: []int{2}}
	upper := hostile.Options{Slots: []int{2, 1, 1, 1}, Wide: true, Frames: 5, Ops: []string{"mu"}, Flags: []string{"P", "PW"}, Targets: []int{1, 2, 3}}
	pae := hostile.Options{Slots: []int{3, 2, 1}, PAE: true, Frames: 5, Memory: []string{"f0 2 f3:P"}, Ops: []string{"mu"}, Flags: []string{"P"}, Targets: []int{1}}
	audited := hostile.Options{Slots: []int{1, 1}, Wide: true, Frames: 4, Memory: []string{"f2 0 f3:P"}, Ops: []string{"pin"}, Flags: []string{"P"}, Targets: []int{}}
	used := hostile.Options{Slots: []int{1, 2}, Frames: 3, AccessBits: true, Memory: []string{"f1 0 f2:PWAD"}, Ops: []string{"mua"}, Flags: []string{"P", "PW"}, Targets: []int{2}}
	return []Mutant{
		row(Mutant{ID: "stored-update", What: "an update stores a leaf as it was asked for: it is not open to the guest's kernel", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByUpdate, 1, asAsked))}, leaves),
		row(Mutant{ID: "stored-fast", What: "the fast path stores an entry as it was asked for", Source: source,
			Catch: "entry-stored", Steps: 2, Change: ofXen(storing(model.ByFastPath, 1, asAsked))}, leaves),
		row(Mutant{ID: "stored-plain", What: "a store that is carried out leaves what was stored, without a look at what the audit made of it", Source: "Xen, arch/x86/pv/ro-page-fault.c, ptwr_emulated_update",
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByStore, 1, asAsked))}, leaves),
		row(Mutant{ID: "stored-locked", What: "the same, of locked stores alone: the compare-and-exchange gets the value of the instruction", Source: "Xen, arch/x86/pv/ro-page-fault.c, ptwr_emulated_update",
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByLocked, 1, asAsked))}, leaves),
		row(Mutant{ID: "stored-audit", What: "an audit leaves read-only entries as they were", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByAudit, 0, func(asked, right model.Entry) model.Entry {
				if asked.Is(model.RW) {
					return right
				}
				return asked
			}))}, audited),
		row(Mutant{ID: "stored-kernel", What: "leaves of the kernel are not marked as such", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByUpdate, 1, without(model.GuestKernel)))}, leaves),
		row(Mutant{ID: "stored-global", What: "leaves of user mode are not global", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByUpdate, 1, without(model.Global)))}, leaves),
		row(Mutant{ID: "stored-user", What: "entries above L1 are closed to user mode, in which the kernel runs", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByFastPath, 3, without(model.User)))}, upper),
		row(Mutant{ID: "stored-accessed", What: "root entries are not marked as accessed", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByUpdate, 4, without(model.Accessed)))}, upper),
		row(Mutant{ID: "stored-root", What: "entries of a PAE root do not get the flags of the L3 that they are in", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByUpdate, 3, asAsked))}, pae),
		row(Mutant{ID: "stored-more", What: "the fast path stores a flag that nobody has asked for", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByFastPath, 3, func(_, right model.Entry) model.Entry { return right ^ model.NX }))}, upper),
		row(Mutant{ID: "use-forgotten", What: "accessed and dirty bits are not kept where that is asked for", Source: "Xen, arch/x86/pv/mm.h, update_intpte",
			Catch: "entry-stored", Steps: 1, Change: ofXen(model.Mutant{ForgetsUse: true})}, used),
		row(Mutant{ID: "use-late", What: "a dirty bit that another processor sets during an update is lost", Source: "Xen, arch/x86/pv/mm.h, update_intpte",
			Catch: "dirty-kept", Steps: 1, Change: ofXen(model.Mutant{LateUse: true})}, scope("race-dirty")),
	}
}

// flagMutants store something else of an entry that has been checked, a flag at a time, where
// the scopes of storedMutants have not that flag or not that way. TestEveryFlagStored of
// package hostile has all of them.
func flagMutants() []Mutant {
	const source = "Xen, arch/x86/mm.c, promote_l1_table to promote_l4_table; arch/x86/pv/mm.h, adjust_guest_l1e to adjust_guest_l4e"
	losing := func(flag model.Entry) func(asked, right model.Entry) model.Entry {
		return func(_, right model.Entry) model.Entry { return right &^ flag }
	}
	gaining := func(flag model.Entry) func(asked, right model.Entry) model.Entry {
		return func(_, right model.Entry) model.Entry { return right | flag }
	}
	return []Mutant{
		row(Mutant{ID: "audit-accessed", What: "an audit marks leaves as accessed that nobody has used", Source: source,
			Catch: "memory-kept", Steps: 1, Change: ofXen(storing(model.ByAudit, 1, gaining(model.Accessed)))}, scope("every-flag-found")),
		row(Mutant{ID: "audit-global", What: "an audit makes leaves of the kernel global", Source: source,
			Catch: "memory-kept", Steps: 1, Change: ofXen(storing(model.ByAudit, 1, gaining(model.Global)))}, scope("every-flag-found")),
		row(Mutant{ID: "audit-kernel", What: "an audit marks entries above the leaves as the kernel's, as it does with leaves", Source: source,
			Catch: "memory-kept", Steps: 1, Change: ofXen(storing(model.ByAudit, 3, gaining(model.GuestKernel)))}, scope("every-flag-found")),
		row(Mutant{ID: "audit-software", What: "an audit clears a bit of an entry above the leaves that is left to software", Source: source,
			Catch: "memory-kept", Steps: 1, Change: ofXen(storing(model.ByAudit, 2, losing(1<<9)))}, scope("every-flag-found")),
		row(Mutant{ID: "update-cache", What: "an update loses a leaf's choice of caching after it has been checked", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByUpdate, 1, losing(model.PCD)))}, scope("every-flag")),
		row(Mutant{ID: "locked-cache", What: "a locked store loses it", Source: "Xen, arch/x86/pv/ro-page-fault.c, ptwr_emulated_update",
			Catch: "stores-done", Steps: 1, Change: ofXen(storing(model.ByLocked, 1, losing(model.PCD)))}, scope("every-flag")),
		row(Mutant{ID: "fast-dirty", What: "the fast path stores an entry above the leaves without the dirty bit that was asked for", Source: source,
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByFastPath, 3, losing(model.Dirty)))}, scope("every-flag-above")),
		row(Mutant{ID: "stored-grant", What: "the entry of a grant is not open to the guest's kernel", Source: "Xen, arch/x86/pv/grant_table.c, create_grant_pv_mapping",
			Catch: "entry-stored", Steps: 1, Change: ofXen(storing(model.ByGrantEntry, 1, asAsked))}, scope("every-flag-granted")),
	}
}

// blind does not look at absent entries on some path.
func blind(by model.Path, level int) model.Mutant {
	return model.Mutant{Leaks: func(path model.Path, at int, _ model.Entry, right bool) bool {
		return right && !(path == by && (level == 0 || level == at))
	}}
}

func absentMutants() []Mutant {
	const source = "Xen, arch/x86/include/asm/shadow.h, pv_l1tf_check_pte; XSA-273"
	domU := scope("domU")
	audit := hostile.Options{Slots: []int{2, 1}, Guest: model.DomU, Frames: 5, Memory: []string{"f2 1 f4:U", "f3 0 f1:U"},
		Ops: []string{"pin", "kill"}, Flags: []string{"P"}, Targets: []int{}}
	return []Mutant{
		row(Mutant{ID: "absent-update", What: "absent entries of an update are not looked at", Source: source,
			Catch: "absent-safe", Steps: 1, Change: ofXen(blind(model.ByUpdate, 0))}, domU),
		row(Mutant{ID: "absent-store", What: "absent entries that are stored to a table are not looked at", Source: source,
			Catch: "absent-safe", Steps: 2, Change: ofXen(blind(model.ByStore, 0))}, domU),
		row(Mutant{ID: "absent-audit", What: "absent entries of an L1 that comes into use are not looked at", Source: source,
			Catch: "absent-safe", Steps: 1, Change: ofXen(blind(model.ByAudit, 1))}, audit),
		row(Mutant{ID: "absent-above", What: "absent entries of tables above L1 that come into use are not looked at", Source: source,
			Catch: "absent-safe", Steps: 1, Change: ofXen(blind(model.ByAudit, 2))}, audit),
		row(Mutant{ID: "absent-size", What: "the size bit of an absent entry is taken for nothing", Source: source,
			Catch: "absent-safe", Steps: 1, Change: ofXen(model.Mutant{Leaks: func(_ model.Path, _ int, e model.Entry, right bool) bool {
				return right && e&model.FrameMask != 0
			}})}, domU),
		row(Mutant{ID: "absent-mask", What: "address bits that the cache does not look at make an entry safe", Source: source,
			Catch: "absent-safe", Steps: 1, Change: ofXen(model.Mutant{Leaks: func(_ model.Path, level int, e model.Entry, right bool) bool {
				return right && (e&model.FrameMask < 1<<40 || level > 1 && e.Is(model.PSE))
			}})}, domU),
		row(Mutant{ID: "absent-eager", What: "every absent entry that is not empty ends the guest", Source: source,
			Catch: "absent-safe", Steps: 1, Change: ofXen(model.Mutant{Leaks: func(_ model.Path, _ int, e model.Entry, _ bool) bool { return e != 0 }})},
			hostile.Options{Slots: []int{2, 1}, Guest: model.DomU, Frames: 3, Ops: []string{"mu", "kill"}, Flags: []string{"P"}, Targets: []int{1},
				Words: []string{"0x10000000000", "0x2"}}),
		row(Mutant{ID: "cache-chosen", What: "a guest without devices chooses the caching of its pages", Source: "Xen, arch/x86/mm.c, l1_disallow_mask",
			Catch: "tables-valid", Steps: 1, Change: ofXen(model.Mutant{ForDevices: true})}, domU),
		row(Mutant{ID: "stores-never", What: "stores are not carried out for a guest that has asked for it", Source: "Xen, arch/x86/traps.c, fixup_page_fault",
			Catch: "legal-granted", Steps: 2, Change: ofXen(model.Mutant{StoresNever: true})}, domU),
	}
}

func undoMutants() []Mutant {
	roots, late := scope("pae-roots-4.17"), scope("pae-roots-4.17")
	late.Ops = []string{"pin-late", "finish", "unpin"}
	descriptors := scope("descriptors-4.17")
	return []Mutant{
		row(Mutant{ID: "root-stays", What: "the entries of a PAE root that is refused keep the flags that were added to them", Source: "Xen, arch/x86/mm.c, promote_l3_table (unadjust_guest_l3e)",
			Catch: "memory-kept", Steps: 1, Change: ofXen(model.Mutant{RootStaysAdjusted: true})}, late),
		row(Mutant{ID: "released-stays", What: "the entries of a PAE root that is given up keep the flags that were added to them", Source: "Xen, arch/x86/mm.c, demote_l3_table (unadjust_guest_l3e)",
			Catch: "memory-kept", Steps: 3, Change: ofXen(model.Mutant{ReleasedAdjusted: true})}, roots),
		row(Mutant{ID: "gdt-keeps", What: "a descriptor table that is refused keeps its first frames", Source: "Xen, arch/x86/pv/descriptor-tables.c, pv_set_gdt",
			Catch: "counts-agree", Steps: 1, Change: ofXen(model.Mutant{GDTKeeps: true})}, descriptors),
		row(Mutant{ID: "grant-leaks", What: "what an entry held that a grant is mapped over stays held", Source: "Xen, arch/x86/pv/grant_table.c, create_grant_pv_mapping",
			Catch: "counts-agree", Steps: 1, Change: ofXen(model.Mutant{GrantKeepsOld: true})}, scope("granted")),
		row(Mutant{ID: "grant-ends", What: "the mapping of a grant is ended whatever its entry has become", Source: "Xen, arch/x86/pv/grant_table.c, replace_grant_pv_mapping",
			Catch: "hypervisor-lives", Steps: 3, Change: ofXen(model.Mutant{UngrantsAnything: true})}, scope("granted")),
		row(Mutant{ID: "unpin-told", What: "the guest is told that an unpin was interrupted", Source: "Xen, arch/x86/mm.c, do_mmuext_op, MMUEXT_UNPIN_TABLE",
			Catch: "legal-granted", Steps: 2, Change: ofXen(model.Mutant{TellsInterrupted: true})}, scope("partial")),
		row(Mutant{ID: "audit-behind", What: "an interrupted audit is taken up behind the entry that was next", Source: "Xen, arch/x86/mm.c, promote_l2_table",
			Catch: "partial-consistent", Steps: 1, Change: ofXen(model.Mutant{PausesBehind: true})}, scope("partial")),
		row(Mutant{ID: "release-behind", What: "an interrupted release is taken up at the entry that was last", Source: "Xen, arch/x86/mm.c, demote_l2_table",
			Catch: "partial-consistent", Steps: 2, Change: ofXen(model.Mutant{ReleasesBehind: true})}, scope("partial")),
	}
}

func slotMutants() []Mutant {
	slots := scope("slots")
	return []Mutant{
		row(Mutant{ID: "slots-trusted", What: "what a table that comes into use has in the hypervisor's slots stays there: it may be another table's", Source: "Xen, arch/x86/mm.c, init_xen_l4_slots",
			Catch: "hypervisor-entries", Steps: 2, Change: ofXen(model.Mutant{SlotsTrusted: true})}, slots),
		row(Mutant{ID: "slots-updated", What: "the guest may write the first of the hypervisor's slots", Source: "Xen, arch/x86/mm.c, is_guest_l4_slot",
			Catch: "hypervisor-entries", Steps: 2, Change: ofXen(model.Mutant{SlotUpdated: true})}, slots),
		row(Mutant{ID: "list-stays", What: "user mode sees the list of frames although it must not", Source: "Xen, arch/x86/mm.c, zap_ro_mpt",
			Catch: "hypervisor-entries", Steps: 2, Change: ofXen(model.Mutant{ListStays: true})}, slots),
		row(Mutant{ID: "list-missing", What: "a root that is loaded for the kernel lacks the list of frames", Source: "Xen, arch/x86/mm.c, fill_ro_mpt",
			Catch: "hypervisor-entries", Steps: 1, Change: ofXen(model.Mutant{ListMissing: true})}, slots),
	}
}

// refusingMutants refuse what is legal.
func refusingMutants() []Mutant {
	refuse := func(when func(s *model.State, level int, e model.Entry) bool) model.Mutant {
		return model.Mutant{Refuses: when}
	}
	const source = "Xen, arch/x86/mm.c, get_page_from_l1e to get_page_from_l4e"
	return []Mutant{
		row(Mutant{ID: "refuse-tables", What: "tables must not be mapped at all", Source: source, Catch: "legal-granted", Steps: 1,
			Change: ofXen(refuse(func(s *model.State, level int, e model.Entry) bool {
				f := s.L.Map.Frame(e.MFN())
				return level == 1 && f >= 0 && s.InfoAt(f).T > 0 && s.InfoAt(f).Typ.Level() > 0
			}))}, scope("linear")),
		row(Mutant{ID: "refuse-linear", What: "no entry of a table may name the table itself", Source: source, Catch: "legal-granted", Steps: 1,
			Change: ofXen(refuse(func(s *model.State, level int, e model.Entry) bool {
				f := s.L.Map.Frame(e.MFN())
				return level > 1 && f >= 0 && s.InfoAt(f).T > 0 && s.InfoAt(f).Typ == model.TableType(level)
			}))}, scope("linear")),
		row(Mutant{ID: "refuse-again", What: "a table has one parent at most", Source: source, Catch: "legal-granted", Steps: 2,
			Change: ofXen(refuse(func(s *model.State, level int, e model.Entry) bool {
				f := s.L.Map.Frame(e.MFN())
				return level > 1 && f >= 0 && s.InfoAt(f).T > 0
			}))}, hostile.Options{Slots: []int{2, 1}, Frames: 4, Ops: []string{"mu", "pin"}, Flags: []string{"P"}, Targets: []int{2}}),
		row(Mutant{ID: "refuse-nx", What: "entries that forbid execution are refused", Source: source, Catch: "legal-granted", Steps: 1,
			Change: ofXen(refuse(func(_ *model.State, _ int, e model.Entry) bool { return e.Is(model.NX) }))},
			hostile.Options{Slots: []int{1, 1}, Frames: 3, Memory: []string{"f1 0 f2:PW"}, Ops: []string{"mu"}, Flags: []string{"P", "PX"}, Targets: []int{2}}),
	}
}

// stampMutants lose the note of when a use ended, and flushes of other domains.
func stampMutants() []Mutant {
	return []Mutant{
		row(Mutant{ID: "unstamped-use", What: "when a page is no longer mapped writable is not noted: whoever may still write to it is not flushed", Source: "Xen, arch/x86/mm.c, _put_page_type (set_tlbflush_timestamp)",
			Catch: "no-stale-write", Steps: 3, Change: ofXen(model.Mutant{UnstampedUse: true})}, scope("stale")),
		row(Mutant{ID: "stolen-cached", What: "a frame goes to another domain without a flush: the guest writes to it through its TLB", Source: "Xen, common/grant_table.c, gnttab_transfer; arch/x86/mm.c, steal_page; XSA-217",
			Catch: "no-stale-write", Steps: 3, Change: ofXen(model.Mutant{StealCached: true})}, scope("given")),
		row(Mutant{ID: "unlent-cached", What: "another domain's mapping of a page ends without a flush", Source: "Xen, common/grant_table.c, gnttab_unmap_grant_ref (gnttab_flush_tlb)",
			Catch: "no-stale-write", Steps: 3, Change: ofXen(model.Mutant{UnlentCached: true})}, scope("grants")),
	}
}
