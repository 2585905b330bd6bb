//go:build amd64 || arm64

package explore

// prefetch asks the processor to load the cache line of p. It may be told any address.
//
//go:noescape
func prefetch(p *uint64)
