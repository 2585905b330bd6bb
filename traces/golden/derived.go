package golden

// PMDShift is log2 of the bytes one L2 entry maps: 22 in TwoLevel, 21 in PAE.
func (c *Config) PMDShift() uint {
	if c.Mode == PAE {
		return 21
	}
	return 22
}

// PMDSize is the number of bytes one L2 entry maps.
func (c *Config) PMDSize() uint64 { return 1 << c.PMDShift() }

// EntryWidth is the size of a page-table entry in bytes: 4 or 8.
func (c *Config) EntryWidth() int {
	if c.Mode == PAE {
		return 8
	}
	return 4
}

// RootLevel is the level of the root table: 2 or 3.
func (c *Config) RootLevel() int {
	if c.Mode == PAE {
		return 3
	}
	return 2
}

// PtrsPerTable is the number of entries of an L2 or L1 table: 1024 or 512.
func (c *Config) PtrsPerTable() int { return PageSize / c.EntryWidth() }

// FixLowestVA is the VA of the lowest fixmap slot, the start of the fixmap
// area before rounding down to the PMD.
func (c *Config) FixLowestVA() uint64 {
	return (c.FixaddrTop - uint64(c.NrFixed-1)*PageSize) % va32
}

// FixVA is the VA of fixmap slot i.
func (c *Config) FixVA(i int) uint64 {
	return (c.FixaddrTop - uint64(i)*PageSize) % va32
}

// PkmapBase is the VA of the first pkmap slot: the override if there is one,
// else the derived base, rounded down to a whole PMD.
func (c *Config) PkmapBase() uint64 {
	if c.PkmapBaseOverride != nil {
		return *c.PkmapBaseOverride
	}
	top := c.FixaddrTop - uint64(c.NrFixed)*PageSize
	base := (top - uint64(c.LastPkmap+1)*PageSize) % va32
	return base &^ (c.PMDSize() - 1)
}

// bootTableSpan is the number of bytes one native boot table maps.
const bootTableSpan = 4 << 20

// BootTables is the number of native boot tables: the smallest n >= 1 with
// n*4 MiB >= PG0 + n*4096 + InitMapBeyondEnd. It is 0 for Xen.
func (c *Config) BootTables() int {
	if c.Flavour != Native {
		return 0
	}
	const gain = bootTableSpan - PageSize
	n := (c.PG0 + c.InitMapBeyondEnd + gain - 1) / gain
	return int(max(n, 1))
}

// InitPgTablesEnd is the PA after the last table that exists at start: boot
// tables for native, start-of-day tables for Xen (derived.sod_pt_end).
func (c *Config) InitPgTablesEnd() uint64 {
	if c.Flavour == Native {
		return c.PG0 + uint64(c.BootTables())*PageSize
	}
	var last uint64
	for _, pfn := range c.SOD.Frames(c.Mode) {
		last = max(last, pfn)
	}
	return (last + 1) * PageSize
}

// BootMapEnd is the PA up to which the tables at start map memory.
func (c *Config) BootMapEnd() uint64 {
	if c.Flavour == Native {
		return uint64(c.BootTables()) * bootTableSpan
	}
	return c.SOD.MapEnd
}

// Root is the PA of the root table the machine runs on at start.
func (c *Config) Root() uint64 {
	switch {
	case c.Flavour == Native:
		return c.SwapperPgDir
	case c.Mode == PAE:
		return c.SOD.L3PFN * PageSize
	case len(c.SOD.L2PFNs) > 0:
		return c.SOD.L2PFNs[0] * PageSize
	}
	return 0
}
