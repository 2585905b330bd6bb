// Package corpus keeps scenarios that must never be forgotten, as text files
// beside this one: each real bug of the mutant catalogue by the shortest way to
// it, bugs that our own code had, legal variations that must raise nothing, and whatever
// fuzzing has found. A file says in its header which mutant it is for and how it
// must end; it is checked with the mutant and, to see that it is silent then,
// without.
package corpus
