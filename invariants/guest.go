package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// guest is how a rule judges hostile guests. Most of these rules hold in every state in
// some trivial way, so that having been looked at says nothing: a rule counts as
// exercised where the hypervisor had something to get wrong, which is its goal.
type guest struct {
	// state judges a state, event an operation; nil: the rule is not about those.
	state func(r *Recount) (Detail, bool)
	event func(r *Recount, s *model.Step) (Detail, bool)
	// metBy and metAt say that a state or an operation meets the rule's goal. One of
	// them is set.
	metBy func(r *Recount) bool
	metAt func(r *Recount, s *model.Step) bool
	// needs are the means of a guest that can meet the goal: all of one of these sets.
	// Nil: any guest can.
	needs []Means
}

// Means are what a hostile guest can do and has to do it with, as far as rules ask.
type Means uint32

// Operations that a guest has at hand.
const (
	WritesEntries  Means = 1 << iota // by mmu_update, into any table
	MapsPages                        // fills leaves, by whichever way
	UpdatesByVA                      // update_va_mapping
	StoresToTables                   // plain stores that the hypervisor carries out
	UsesPages                        // reads and writes, or has others do so, what may stay cached
	Pins
	PinsUnfinished  // leaves the audit of a table to another day
	Interruptible   // has audits and releases that can be interrupted
	LoadsRoots      // the user's too
	LoadsGDT        // has descriptor tables
	AboutFrames     // operations that name a frame which may be pinned, other than a pin
	Lends           // pages to other domains
	AssignsDevices  // gets a device that writes to memory
	Dies            // is destroyed
	StaleTLB        // works with translations that stay cached
	Interrupts      // is interrupted at places of the search's choice
	SeveralSlots    // has tables of more than one slot
	ReadOnlyEntries // writes entries that are present and not writable
	ReadOnlyMemory  // has such entries in memory at the start
	KeepsUse        // updates that keep accessed and dirty bits
	MarksUse        // has processors that keep these bits
	FilledSlots     // has tables with entries of the hypervisor's
	FlaggedEntries  // has tables whose entries the hypervisor adds flags to
	Flushes         // asks for flushes
	MayLeak         // must not have absent entries that name memory
)

// What an operation gives only to a guest that makes it by itself: where processors race,
// nothing is compared with the state before.
const (
	StoresEntries Means = MayLeak << (iota + 1) // updates, and stores to tables
	MapsGrants                                  // at entries of its own tables
	ChangesPages                                // as a whole, or has others store to them
	AuditsTables                                // pins that run to their end
	AsksForUses                                 // that a hypervisor grants or refuses by its rules alone
)

// Exercises reports whether a guest with some means can meet the rule's goal. It is
// generous: memory may still be too small or a search too short, and then the rule is
// reported as never exercised.
func (r *Rule) Exercises(m Means) bool {
	return len(r.guest.needs) == 0 || slices.ContainsFunc(r.guest.needs, func(n Means) bool { return m&n == n })
}
