// Package systems holds what can be searched, replayed and shown, and the one contract
// that all of it fulfils: [System]. Search, replay, show, mutants, corpus, reports and
// the command line know a system through that contract alone. A system is a package
// below this one, or in another module, and a line in the list that a program hands to
// [NewSet].
package systems
