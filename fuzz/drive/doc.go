// Package drive turns bytes into operations, so that a fuzzer of bytes drives the
// systems. Every input means something: the first byte chooses where to start,
// each two bytes one of the operations that are possible there, and the same bytes
// mean the same operation wherever it is possible. Nothing is allocated on the way.
package drive

// maxOps bounds what an input makes. The longest boot of the tiny systems, call by
// call, takes half of it.
const maxOps = 64
