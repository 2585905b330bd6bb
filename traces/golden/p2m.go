package golden

// P2MKind is the shape of the pseudo-physical to machine map.
type P2MKind string

// The kinds: linear is mfn = Base+pfn, affine is mfn = Base + (A*pfn+B) mod N,
// list is mfn = MFNs[pfn].
const (
	Linear P2MKind = "linear"
	Affine P2MKind = "affine"
	List   P2MKind = "list"
)

// NoMFN is returned for a pfn beyond a P2M list.
const NoMFN = ^uint64(0)

// P2M maps pseudo-physical frame numbers to machine frame numbers. Its domain
// is pfn < [Config.MaxLowPFN].
type P2M struct {
	Kind    P2MKind
	Base    uint64   // linear, affine
	A, B, N uint64   // affine
	MFNs    []uint64 // list
}

// MFN returns the machine frame of pfn, which must be in the domain; beyond
// it the formula is continued, and NoMFN returned for a list.
func (p *P2M) MFN(pfn uint64) uint64 {
	switch p.Kind {
	case Affine:
		return p.Base + (p.A%p.N*(pfn%p.N)+p.B%p.N)%p.N
	case List:
		if pfn >= uint64(len(p.MFNs)) {
			return NoMFN
		}
		return p.MFNs[pfn]
	}
	return p.Base + pfn
}

// MFN returns the machine frame of pfn, and whether pfn is in the domain
// (pfn < MaxLowPFN). It is the identity for native.
func (c *Config) MFN(pfn uint64) (mfn uint64, ok bool) {
	if c.Flavour == Native {
		return pfn, pfn < c.MaxLowPFN
	}
	if pfn >= c.MaxLowPFN {
		return NoMFN, false
	}
	return c.P2M.MFN(pfn), true
}

// M2P is the inverse of a [P2M] over its domain. Make it with [Config.M2P].
type M2P struct {
	p2m  P2M
	max  uint64            // pfns below are in the domain
	inv  uint64            // affine: inverse of A modulo N
	back map[uint64]uint64 // list: mfn to pfn
}

// M2P builds the inverse of the map; for native it is the identity.
func (c *Config) M2P() *M2P {
	m := &M2P{p2m: c.P2M, max: c.MaxLowPFN}
	switch c.P2M.Kind {
	case Affine:
		m.inv = modInverse(c.P2M.A%c.P2M.N, c.P2M.N)
	case List:
		n := min(uint64(len(c.P2M.MFNs)), c.MaxLowPFN)
		m.back = make(map[uint64]uint64, n)
		for pfn, mfn := range c.P2M.MFNs[:n] {
			m.back[mfn] = uint64(pfn)
		}
	}
	return m
}

// PFN returns the frame that mfn belongs to, and whether there is one.
func (m *M2P) PFN(mfn uint64) (pfn uint64, ok bool) {
	if m.p2m.Kind == List {
		pfn, ok = m.back[mfn]
		return pfn, ok
	}
	if mfn < m.p2m.Base {
		return 0, false
	}
	pfn = mfn - m.p2m.Base
	if n := m.p2m.N; m.p2m.Kind == Affine {
		if pfn >= n {
			return 0, false
		}
		pfn = m.inv * ((pfn + n - m.p2m.B%n) % n) % n
	}
	return pfn, pfn < m.max
}

// modInverse returns x with a*x = 1 mod n, for gcd(a, n) = 1 and n < 2^32.
func modInverse(a, n uint64) uint64 {
	r0, r1 := int64(n), int64(a)
	t0, t1 := int64(0), int64(1)
	for r1 != 0 {
		q := r0 / r1
		r0, r1 = r1, r0-q*r1
		t0, t1 = t1, t0-q*t1
	}
	if t0 < 0 {
		t0 += int64(n)
	}
	return uint64(t0) % n
}

// gcd is the greatest common divisor of a and b.
func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
