// Package serve shows a state graph, a scenario or a recording in a browser. Every page is
// a link away from the one before: the calls that led to a state are its address, so that a
// reload, or another process with the same command line, shows the same. It listens on the
// loopback interface alone, and nobody without the token of the run gets an answer. It knows
// no system, only the contract.
package serve
