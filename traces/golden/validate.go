package golden

// Validate checks that the values of c are legal and fit together, by the
// same rules as [ReadConfig]. The error, if any, is an *Error.
func (c *Config) Validate() error {
	_, err := ReadConfig("config", appendConfig(nil, c))
	return err
}

// check refuses values that are well formed but illegal or that do not fit
// together. path is the key path of the config object.
func (c *Config) check(path string, r *reader) {
	at := func(key string) string { return join(path, key) }
	switch {
	case c.PageOffset == 0:
		r.fail(at("page_offset"), "must not be zero")
	case c.PageOffset%(4<<20) != 0:
		r.fail(at("page_offset"), "%#x is not a multiple of 4 MiB", c.PageOffset)
	case c.MaxLowPFN == 0:
		r.fail(at("max_low_pfn"), "must not be zero")
	case c.FixaddrTop == 0:
		r.fail(at("fixaddr_top"), "must not be zero")
	case c.Highmem && c.LastPkmap == 0:
		r.fail(at("last_pkmap"), "must not be 0 when highmem is 1")
	case c.Flavour == Xen:
		c.checkXen(path, r)
	default:
		c.checkBootTables(path, r)
	}
}

// checkBootTables refuses native boot tables that do not fit into the root.
func (c *Config) checkBootTables(path string, r *reader) {
	n := uint64(c.BootTables())
	if c.PageOffset+n*bootTableSpan > va32 {
		r.fail(join(path, "pg0"), "with init_map_beyond_end %#x there are %d boot tables, "+
			"which do not fit above page_offset %#x", c.InitMapBeyondEnd, n, c.PageOffset)
	}
}

// checkXen refuses what does not fit together in the Xen-only values.
func (c *Config) checkXen(path string, r *reader) {
	if c.FixParavirtBootmap >= c.NrFixed {
		r.fail(join(path, "fix_paravirt_bootmap"), "%d is not a fixmap slot: nr_fixed is %d",
			c.FixParavirtBootmap, c.NrFixed)
	}
	c.checkP2M(join(path, "p2m"), r)
	c.checkSOD(join(path, "sod"), r)
	c.checkHypervisorL2(join(path, "hypervisor_l2"), r)
	if r.failed() {
		return
	}
	if pfn, ok := c.M2P().PFN(c.SharedInfoMachine >> PageShift); ok {
		r.fail(join(path, "shared_info_machine"), "%#x lies in frame %#x of the p2m",
			c.SharedInfoMachine, pfn)
	}
}

// checkP2M refuses a p2m that is not bijective on pfn < MaxLowPFN.
func (c *Config) checkP2M(path string, r *reader) {
	limit := uint64(maxMFN)
	if c.Mode == TwoLevel {
		limit = maxPFN
	}
	p := &c.P2M
	switch p.Kind {
	case Linear:
		if p.Base+c.MaxLowPFN-1 > limit {
			r.fail(join(path, "base"), "%#x leads to machine frames beyond %#x", p.Base, limit)
		}
	case Affine:
		switch {
		case p.N < c.MaxLowPFN:
			r.fail(join(path, "n"), "%#x is too small for %#x frames", p.N, c.MaxLowPFN)
		case p.Base+p.N-1 > limit:
			r.fail(join(path, "base"), "%#x leads to machine frames beyond %#x", p.Base, limit)
		case gcd(p.A, p.N) != 1:
			r.fail(join(path, "a"), "not bijective: %#x and n %#x have the common divisor %#x",
				p.A, p.N, gcd(p.A, p.N))
		}
	case List:
		p.checkList(join(path, "mfns"), c.MaxLowPFN, limit, r)
	}
}

// checkList refuses a list that is too short, too long or has doubles.
func (p *P2M) checkList(path string, frames, limit uint64, r *reader) {
	switch n := uint64(len(p.MFNs)); {
	case n < frames:
		r.fail(path, "too short: %d machine frames for %d frames", n, frames)
		return
	case n > maxListLen:
		r.fail(path, "too long: %d machine frames, at most %d", n, maxListLen)
		return
	}
	seen := make(map[uint64]int, len(p.MFNs))
	for i, mfn := range p.MFNs {
		if j, doubled := seen[mfn]; doubled {
			r.fail(element(path, i), "not bijective: %d is also machine frame of pfn %d", mfn, j)
			return
		}
		if mfn > limit {
			r.fail(element(path, i), "%d is out of range: at most %d", mfn, limit)
			return
		}
		seen[mfn] = i
	}
}

// checkHypervisorL2 refuses a wrong slot and doubled entries.
func (c *Config) checkHypervisorL2(path string, r *reader) {
	h := &c.HypervisorL2
	slot := 3
	if c.Mode == TwoLevel {
		slot = 0
	}
	if h.Slot != slot {
		r.fail(join(path, "slot"), "want %d in mode %s, found %d", slot, c.Mode, h.Slot)
	}
	seen := make(map[int]bool, len(h.Entries))
	for i, e := range h.Entries {
		if e.Index < h.FirstIndex {
			r.fail(element(element(join(path, "entries"), i), 0), "%d lies below first_index %d", e.Index, h.FirstIndex)
			return
		}
		if seen[e.Index] {
			r.fail(element(join(path, "entries"), i), "index %d is doubled", e.Index)
			return
		}
		seen[e.Index] = true
	}
}
