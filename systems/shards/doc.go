// Package shards splits searches into parts that machines of their own make, and joins what
// they found out to the answer that one machine would give.
//
// A question falls into pieces that have nothing to do with each other: whole searches, or the
// initial states of one whose graphs have no state in common. A [Shard] gets some of them; what
// it finds out is a [Part], a file. [Fit] refuses parts that do not make up a whole, and [Join]
// adds up: states, transitions, coverage and the first counterexample are those of a search
// that was never split.
package shards
