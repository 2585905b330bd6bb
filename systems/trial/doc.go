// Package trial holds scenarios as values: a world, the mutant that is planted in
// it, the operations, and how it must end. Trials are read from scenario files and
// written to them; they can be run, explained and shrunk.
package trial
