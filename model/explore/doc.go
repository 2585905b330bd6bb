// Package explore is a generic explicit-state search engine.
//
// It knows nothing of pagetables: a system is anything that satisfies [Model]. [Run] visits every state that can
// be reached from the initial states, each exactly once, and reports how many there are, how many transitions
// lead between them, how deep they lie, and the shortest way to each thing that went wrong.
//
// # What can be relied on
//
// Breadth-first search is reproducible: states are numbered in the order in which a plain sequential search
// would meet them (by the number of the state they come from, then by the order of the calls there), and the
// numbers, the counts and the chosen counterexamples do not depend on the number of workers, on the store, on
// whether states are in memory or on disk, or on whether the run was stopped, even killed, and resumed. Only
// where a limit of memory or time stops a run is left to chance.
//
// A run stops at exactly the transition that exceeds [Options.MaxStates] or that is the first finding; what it
// counts is what a sequential search would have counted up to there.
//
// # How it works
//
// A level of the search is expanded in rounds. In a round, workers take slices of neighbouring states and expand
// them side by side. The states that are stored already are only read meanwhile; what is new goes to a small
// table of fresh states, each with its key: the number of its parent and the place of the call. If two workers
// meet the same new state, the lower key stays. Between rounds the fresh states are sorted by key and stored in
// that order, which makes their numbers independent of who was faster.
//
// Stored states are packed bytes, one after another in order of their numbers, behind an index of 8 bytes a slot
// at a load between one half and three quarters. Since numbers follow the order of parents, the parents take but
// two bits a state; and since the calls of a path can be found again by making them, no calls are stored.
// Successors wait for their look-up in batches, so that their cache misses overlap, and a small memory of recent
// states answers for about half of them.
//
// # Files
//
// A run believes no file. What a search on disk has written is compared, block by block, with checksums that it
// keeps in memory, before it is used, and the counts of each level must add up; a checkpoint carries checksums
// and the question that it was made for. A file that is damaged, missing, or cannot be written ends the run by a
// [PartialError], which names it, and the Result says what was found out before. Folders and checkpoints are
// locked as long as their run lives.
package explore
