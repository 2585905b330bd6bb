package golden

// checkSOD refuses start-of-day tables that are out of range, doubled, or not
// as many as MapEnd takes.
func (c *Config) checkSOD(path string, r *reader) {
	s := &c.SOD
	if s.MapEnd == 0 {
		r.fail(join(path, "map_end"), "must not be zero")
	} else if s.MapEnd>>PageShift > c.MaxLowPFN {
		r.fail(join(path, "map_end"), "%#x lies beyond the last of %#x frames", s.MapEnd, c.MaxLowPFN)
	} else if c.PageOffset+s.MapEnd > va32 {
		r.fail(join(path, "map_end"), "%#x does not fit above page_offset %#x", s.MapEnd, c.PageOffset)
	}
	if r.failed() {
		return
	}
	c.checkSODCounts(path, r)
	c.checkSODFlags(path, r)
	c.checkSODFrames(path, r)
}

// checkSODCounts refuses wrong numbers of L2 and L1 frames.
func (c *Config) checkSODCounts(path string, r *reader) {
	s := &c.SOD
	last := c.PageOffset + s.MapEnd - 1
	l2s := 1
	if c.Mode == PAE {
		l2s = int(last>>30-c.PageOffset>>30) + 1
	}
	if s.ExtraL2ForSlot3 {
		if c.Mode == TwoLevel {
			r.fail(join(path, "extra_l2_for_slot3"), "there is no slot 3 in mode 2level")
		} else if last>>30 == 3 {
			r.fail(join(path, "extra_l2_for_slot3"), "slot 3 has an L2 already, by page_offset and map_end")
		}
		l2s++
	}
	if len(s.L2PFNs) != l2s {
		r.fail(join(path, "l2_pfns"), "want %d frames by page_offset, map_end and extra_l2_for_slot3, found %d",
			l2s, len(s.L2PFNs))
	}
	size := c.PMDSize()
	if l1s := (s.MapEnd + size - 1) / size; uint64(len(s.L1PFNs)) != l1s {
		r.fail(join(path, "l1_pfns"), "want %d frames by map_end, found %d", l1s, len(s.L1PFNs))
	}
}

// checkSODFlags refuses flags that touch the frame bits of an entry.
func (c *Config) checkSODFlags(path string, r *reader) {
	allowed := uint64(PageSize - 1)
	if c.Mode == PAE {
		allowed |= 0xfff << 52
	}
	check := func(key string, flags uint64) {
		if flags&^allowed != 0 {
			r.fail(join(path, key), "%#x has bits in the frame part of an entry", flags)
		}
	}
	check("l1_flags", c.SOD.L1Flags)
	check("l2_flags", c.SOD.L2Flags)
	check("l3_flags", c.SOD.L3Flags)
}

// checkSODFrames refuses frames that are doubled, below first_pfn or not in
// the domain of the p2m.
func (c *Config) checkSODFrames(path string, r *reader) {
	s := &c.SOD
	seen := map[uint64]string{}
	check := func(at string, pfn uint64) {
		switch other := seen[pfn]; {
		case other != "":
			r.fail(at, "frame %#x is also %s", pfn, other)
		case pfn >= c.MaxLowPFN:
			r.fail(at, "frame %#x is out of range: max_low_pfn is %#x", pfn, c.MaxLowPFN)
		case pfn < s.FirstPFN:
			r.fail(at, "frame %#x lies below first_pfn %#x", pfn, s.FirstPFN)
		}
		seen[pfn] = at
	}
	if c.Mode == PAE {
		check(join(path, "l3_pfn"), s.L3PFN)
	}
	for i, pfn := range s.L2PFNs {
		check(element(join(path, "l2_pfns"), i), pfn)
	}
	for i, pfn := range s.L1PFNs {
		check(element(join(path, "l1_pfns"), i), pfn)
	}
}
