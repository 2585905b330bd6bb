//go:build !linux || race

package explore

// mapBlock returns n zero bytes from the heap.
func mapBlock(n int, _ bool) (b, raw []byte) { return make([]byte, n), nil }

// unmapBlock is never called: there are no mappings.
func unmapBlock([]byte) {}
