// Package pvdp holds guests that issue any hypercalls of an alphabet on a few frames,
// fast enough for graphs of millions of states: the adversary, and the guest whose graph
// is that of the PV-DP reference model.
package pvdp
