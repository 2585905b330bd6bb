//go:build linux && !race

// The race detector knows nothing of memory outside the heap: there it would miss both races and the atomic
// operations that prevent them.

package explore

import (
	"syscall"
	"unsafe"
)

// mapBlock returns n zero bytes and the mapping they lie in, or nil if they come from the heap. With huge
// it asks for huge pages and begins at a boundary of one.
func mapBlock(n int, huge bool) (b, raw []byte) {
	size := n
	if huge {
		size += hugePage
	}
	raw, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, n), nil // out of maps, perhaps; the heap decides
	}
	if !huge {
		return raw[:n:n], raw
	}
	skip := -uintptr(unsafe.Pointer(&raw[0])) & (hugePage - 1)
	b = raw[skip : skip+uintptr(n) : skip+uintptr(n)]
	_ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) // a refusal costs speed, nothing else
	return b, raw
}

// unmapBlock gives a mapping back.
func unmapBlock(raw []byte) { _ = syscall.Munmap(raw) }
