// Package explore is a generic explicit-state search engine.
//
// It knows nothing of pagetables: a system is anything that satisfies [Model]. [Run] visits every state
// that can be reached from the initial states, each exactly once, and reports how many there are, how many
// transitions lead between them, how deep they lie, and the shortest way to each thing that went wrong.
//
// Breadth-first search is exact and reproducible: states are numbered in the order in which a plain
// sequential search would meet them (by the number of the state they come from, then by the order of the
// calls there), and the numbers, the counts and the chosen counterexamples do not depend on the number of
// workers.
package explore
