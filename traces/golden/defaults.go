package golden

// Machine is what is known of a machine from somewhere else than a configuration, such as
// the log of a boot. Zero values are not known.
type Machine struct {
	// MaxPFN is the number of frames up to the last one that is memory.
	MaxPFN uint64
	// BSS and End are where the kernel's bss begins and where the kernel ends, physical
	// addresses in bytes.
	BSS, End uint64
}

// Values that hold where a configuration does not say.
const (
	defaultPageOffset = 0xc0000000
	defaultRoot       = 0x4f3000
	rootToBootTables  = 0x6d000   // from the root to the end of the bss, as in the recorded boots
	rootToBuilder     = 0x73000   // to the builder's tables: its list of frames lies between
	vmallocReserve    = 128 << 20 // VMALLOC_RESERVE of arch/i386
	builderSlack      = 512 << 10 // of Xen's domain builder (setup_pgtables_*, "at least 512kB padding")
	builderRounding   = 4 << 20
)

// Default is the whole configuration of a machine of which nothing else is said.
func Default(flavour Flavour, mode Mode) Config {
	c := Config{Flavour: flavour, Mode: mode}
	c.fill(func(string) bool { return false }, Machine{})
	return c
}

// filler fills in what a configuration does not say. What others follow from comes first.
type filler struct {
	*Config
	given func(key string) bool
	m     Machine
}

// fill fills in the keys that were not given. Flavour and Mode are known.
func (c *Config) fill(given func(key string) bool, m Machine) {
	f := filler{Config: c, given: given, m: m}
	f.processor()
	f.kernel()
	f.memory()
	if c.Flavour == Xen {
		f.xen()
	} else {
		f.native()
	}
	tables := c.InitPgTablesEnd() >> PageShift
	// The bitmap has a bit for each frame (setup_bootmem_allocator).
	bitmap := (c.MaxLowPFN + 8*PageSize - 1) / (8 * PageSize)
	f.number("bootmem_first_pfn", &c.BootmemFirstPFN, min(tables+bitmap, maxLowPFN))
}

func (f filler) number(key string, to *uint64, value uint64) {
	if !f.given(key) {
		*to = value
	}
}

func (f filler) count(key string, to *int, value int) {
	if !f.given(key) {
		*to = value
	}
}

func (f filler) flag(key string, to *bool, value bool) {
	if !f.given(key) {
		*to = value
	}
}

// pick is a if a condition holds, else b.
func pick[T any](cond bool, a, b T) T {
	if cond {
		return a
	}
	return b
}

func (f filler) processor() {
	f.flag("pse", &f.PSE, f.Flavour == Native)
	f.flag("pge", &f.PGE, f.Flavour == Native)
	f.flag("nx", &f.NX, f.Mode == PAE)
}

func (f filler) kernel() {
	f.number("page_offset", &f.PageOffset, defaultPageOffset)
	root := uint64(defaultRoot)
	if f.m.BSS != 0 {
		root = pageUp(f.m.BSS)
	}
	f.number("swapper_pg_dir", &f.SwapperPgDir, root)
	f.number("empty_zero_page", &f.EmptyZeroPage, (f.SwapperPgDir+PageSize)%va32)
	f.number("init_end", &f.InitEnd, (f.PageOffset+f.SwapperPgDir)%va32)
	top := uint64(0xfffff000)
	if f.Flavour == Xen {
		top = pick[uint64](f.Mode == PAE, 0xf57fd000, 0xfbffd000) // below the hypervisor's hole
	}
	f.number("fixaddr_top", &f.FixaddrTop, top)
	f.count("nr_fixed", &f.NrFixed, 58)
	f.count("last_pkmap", &f.LastPkmap, pick(f.Mode == PAE, 512, 1024))
	f.flag("zap_low_mappings", &f.ZapLowMappings, true)
}

// memory fills in how much memory there is (find_max_low_pfn).
func (f filler) memory() {
	limit := uint64(0x1000) // where so little fits that the formula means nothing
	if end := f.FixaddrTop + PageSize; end > f.PageOffset+vmallocReserve+limit*PageSize {
		limit = (end - f.PageOffset - vmallocReserve) >> PageShift
	}
	low, high := limit, true
	if f.m.MaxPFN != 0 {
		low, high = min(limit, f.m.MaxPFN), f.m.MaxPFN > limit
	}
	f.number("max_low_pfn", &f.MaxLowPFN, low)
	f.flag("highmem", &f.Highmem, high)
}

func (f filler) native() {
	first := f.SwapperPgDir + rootToBootTables
	if f.m.End != 0 && !f.given("swapper_pg_dir") {
		first = pageUp(f.m.End)
	}
	f.number("pg0", &f.PG0, first%va32)
	f.number("init_map_beyond_end", &f.InitMapBeyondEnd, pick[uint64](f.Mode == PAE, 0x828000, 0x424000))
}

func (f filler) xen() {
	f.number("shared_info_machine", &f.SharedInfoMachine, 0x1f000)
	f.count("fix_paravirt_bootmap", &f.FixParavirtBootmap, max(min(40, f.NrFixed-1), 0))
	if !f.given("p2m") {
		f.P2M = P2M{Kind: Linear, Base: 0x20000}
	}
	f.builder()
	h := &f.HypervisorL2
	f.count("hypervisor_l2.slot", &h.Slot, pick(f.Mode == PAE, 3, 0))
	above := (f.FixaddrTop + PageSize + f.PMDSize() - 1) >> f.PMDShift()
	f.count("hypervisor_l2.first_index", &h.FirstIndex, int(above)%f.PtrsPerTable())
}

// builder fills in the tables of the domain builder.
func (f filler) builder() {
	s := &f.SOD
	first := f.SwapperPgDir + rootToBuilder
	if f.m.End != 0 && !f.given("swapper_pg_dir") {
		first = pageUp(f.m.End)
	}
	f.number("sod.first_pfn", &s.FirstPFN, first>>PageShift)
	f.number("sod.l1_flags", &s.L1Flags, 0x23)
	f.number("sod.l2_flags", &s.L2Flags, 0x67)
	if f.Mode == PAE {
		f.number("sod.l3_flags", &s.L3Flags, 0x1)
		f.number("sod.l3_pfn", &s.L3PFN, s.FirstPFN)
	}
	f.number("sod.map_end", &s.MapEnd, f.mapEnd())
	l2s, l1s := f.builderTables(s.MapEnd)
	next := s.FirstPFN
	if f.Mode == PAE {
		next = max(next, s.L3PFN+1)
	}
	if !f.given("sod.l2_pfns") {
		s.L2PFNs = following(next, l2s)
	}
	for _, pfn := range s.L2PFNs {
		next = max(next, pfn+1)
	}
	if !f.given("sod.l1_pfns") {
		s.L1PFNs = following(next, l1s)
	}
}

// mapEnd is how far the builder maps: to beyond its tables, of which there are the more the
// farther it maps.
func (f filler) mapEnd() uint64 {
	low := f.MaxLowPFN << PageShift
	for end := uint64(builderRounding); end < low; end += builderRounding {
		l2s, l1s := f.builderTables(end)
		if (f.SOD.FirstPFN+uint64(1+l2s+l1s))<<PageShift+builderSlack <= end {
			return end
		}
	}
	return low
}

// builderTables is how many L2 and L1 tables map memory up to an end, in bytes.
func (f filler) builderTables(end uint64) (l2s, l1s int) {
	if end == 0 || end > va32 {
		return 0, 0 // refused later
	}
	l2s = 1
	if f.Mode == PAE {
		l2s += int((f.PageOffset+end-1)>>30 - f.PageOffset>>30)
	}
	if f.SOD.ExtraL2ForSlot3 {
		l2s++
	}
	return l2s, int((end + f.PMDSize() - 1) >> f.PMDShift())
}

// following are n frames from a first one on.
func following(first uint64, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = first + uint64(i)
	}
	return out
}

// pageUp rounds an address up to a page.
func pageUp(a uint64) uint64 { return (a + PageSize - 1) &^ (PageSize - 1) }
