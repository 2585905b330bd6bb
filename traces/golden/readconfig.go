package golden

import "slices"

// Limits of configuration values.
const (
	max32      = va32 - 1
	max64      = ^uint64(0)
	maxPFN     = 1<<20 - 1 // frames of a 32-bit physical address space
	maxLowPFN  = 1 << 20
	maxMFN     = 1<<40 - 1 // frame bits 51..12 of a PAE entry
	maxSlots   = 1 << 20   // fixmap and pkmap slots
	maxListLen = 1 << 20
)

// commonKeys, nativeKeys and xenKeys are the required keys of the config
// object; those of optionalKeys follow from the others.
func commonKeys() []string {
	return []string{"flavour", "mode", "page_offset", "pse", "pge", "nx", "max_low_pfn",
		"init_end", "swapper_pg_dir", "empty_zero_page", "bootmem_first_pfn", "fixaddr_top",
		"nr_fixed", "highmem", "last_pkmap", "pkmap_base_override", "zap_low_mappings"}
}

func nativeKeys() []string { return []string{"pg0", "init_map_beyond_end"} }

func xenKeys() []string {
	return []string{"p2m", "sod", "hypervisor_l2", "shared_info_machine", "fix_paravirt_bootmap"}
}

func optionalKeys() []string { return []string{"fix_lowest_va", "derived"} }

// config reads the config object at path. Derived values may be left out
// only if bare.
func (r *reader) config(path string, n *node, bare bool) Config {
	var c Config
	c.Flavour = r.peekFlavour(path, n)
	required := append(commonKeys(), nativeKeys()...)
	if c.Flavour == Xen {
		required = append(commonKeys(), xenKeys()...)
	}
	optional := optionalKeys()
	if !bare {
		required, optional = append(required, optional...), nil
	}
	f := r.object(path, n, required, optional)
	if r.err != nil {
		return Config{}
	}
	f.common(&c)
	if c.Flavour == Native {
		c.PG0 = r.page(f.at("pg0"))
		p, v := f.at("init_map_beyond_end")
		c.InitMapBeyondEnd = r.hex(p, v, max32)
	} else {
		f.xen(&c)
	}
	if r.err == nil {
		c.check(path, r)
	}
	f.derived(&c, bare)
	return c
}

// peekFlavour reads the flavour before the object is opened, since the set of
// legal keys depends on it.
func (r *reader) peekFlavour(path string, n *node) Flavour {
	if !r.want(path, n, kindObject) {
		return ""
	}
	i := slices.Index(n.keys, "flavour")
	if i < 0 {
		r.fail(join(path, "flavour"), "missing key")
		return ""
	}
	p := join(path, "flavour")
	v := Flavour(r.text(p, &n.items[i]))
	if r.err == nil && v != Native && v != Xen {
		r.fail(p, "%s is neither \"native\" nor \"xen\"", quote(string(v)))
	}
	return v
}

// common reads what both flavours have.
func (f fields) common(c *Config) {
	p, n := f.at("mode")
	c.Mode = Mode(f.text(p, n))
	if c.Mode != TwoLevel && c.Mode != PAE {
		f.fail(p, "%s is neither \"2level\" nor \"pae\"", quote(string(c.Mode)))
	}
	c.PageOffset = f.hex32("page_offset")
	c.PSE, c.PGE, c.NX = f.flagAt("pse"), f.flagAt("pge"), f.flagAt("nx")
	p, n = f.at("max_low_pfn")
	c.MaxLowPFN = f.hex(p, n, maxLowPFN)
	c.InitEnd = f.hex32("init_end")
	c.SwapperPgDir = f.page(f.at("swapper_pg_dir"))
	c.EmptyZeroPage = f.page(f.at("empty_zero_page"))
	p, n = f.at("bootmem_first_pfn")
	c.BootmemFirstPFN = f.hex(p, n, maxLowPFN)
	c.FixaddrTop = f.page(f.at("fixaddr_top"))
	c.NrFixed = f.intAt("nr_fixed", 1, maxSlots)
	c.Highmem = f.flagAt("highmem")
	c.LastPkmap = f.intAt("last_pkmap", 0, maxSlots)
	if p, n = f.at("pkmap_base_override"); n.kind != kindNull {
		base := f.page(p, n)
		c.PkmapBaseOverride = &base
	}
	c.ZapLowMappings = f.flagAt("zap_low_mappings")
}

// xen reads what only Xen has.
func (f fields) xen(c *Config) {
	c.P2M = f.p2m(f.at("p2m"))
	p, n := f.at("sod")
	c.SOD = f.sod(p, n, c.Mode)
	p, n = f.at("hypervisor_l2")
	c.HypervisorL2 = f.hypervisorL2(p, n, c)
	c.SharedInfoMachine = f.page(f.at("shared_info_machine"))
	c.FixParavirtBootmap = f.intAt("fix_paravirt_bootmap", 0, maxSlots)
}

// p2m reads the p2m object.
func (r *reader) p2m(path string, n *node) P2M {
	var p P2M
	if !r.want(path, n, kindObject) {
		return p
	}
	if i := slices.Index(n.keys, "kind"); i >= 0 {
		p.Kind = P2MKind(r.text(join(path, "kind"), &n.items[i]))
	}
	switch p.Kind {
	case Linear:
		f := r.object(path, n, []string{"kind", "base"}, nil)
		p.Base = f.hexAt("base", maxMFN)
	case Affine:
		f := r.object(path, n, []string{"kind", "base", "a", "b", "n"}, nil)
		p.Base = f.hexAt("base", maxMFN)
		p.A, p.B, p.N = f.hexAt("a", max32), f.hexAt("b", max32), f.hexAt("n", max32)
	case List:
		f := r.object(path, n, []string{"kind", "mfns"}, nil)
		lp, ln := f.at("mfns")
		for i, v := range r.list(lp, ln) {
			p.MFNs = append(p.MFNs, uint64(r.integer(element(lp, i), &v, 0, maxMFN)))
		}
	case "":
		r.fail(join(path, "kind"), "missing key")
	default:
		r.fail(join(path, "kind"), "%s is none of \"linear\", \"affine\", \"list\"", quote(string(p.Kind)))
	}
	return p
}

// sod reads the sod object.
func (r *reader) sod(path string, n *node, mode Mode) SOD {
	keys := []string{"first_pfn", "l2_pfns", "l1_pfns", "map_end", "l1_flags", "l2_flags",
		"extra_l2_for_slot3"}
	if mode == PAE {
		keys = append(keys, "l3_pfn", "l3_flags")
	}
	f := r.object(path, n, keys, nil)
	s := SOD{
		FirstPFN:        f.hexAt("first_pfn", maxPFN),
		L2PFNs:          f.hexList("l2_pfns", maxPFN),
		L1PFNs:          f.hexList("l1_pfns", maxPFN),
		MapEnd:          f.page(f.at("map_end")),
		L1Flags:         f.hexAt("l1_flags", max64),
		L2Flags:         f.hexAt("l2_flags", max64),
		ExtraL2ForSlot3: f.flagAt("extra_l2_for_slot3"),
	}
	if mode == PAE {
		s.L3PFN = f.hexAt("l3_pfn", maxPFN)
		s.L3Flags = f.hexAt("l3_flags", max64)
	}
	return s
}

// hypervisorL2 reads the hypervisor_l2 object.
func (r *reader) hypervisorL2(path string, n *node, c *Config) HypervisorL2 {
	f := r.object(path, n, []string{"slot", "first_index", "entries"}, nil)
	slots := int64(c.PtrsPerTable())
	h := HypervisorL2{
		Slot:       f.intAt("slot", 0, 3),
		FirstIndex: f.intAt("first_index", 0, slots),
	}
	limit := max64
	if c.Mode == TwoLevel {
		limit = max32
	}
	p, list := f.at("entries")
	for i, item := range r.list(p, list) {
		e := element(p, i)
		pair := r.tuple(e, &item, 2)
		if pair == nil {
			break
		}
		index := r.integer(element(e, 0), &pair[0], int64(h.FirstIndex), slots-1)
		raw := r.hex(element(e, 1), &pair[1], limit)
		h.Entries = append(h.Entries, Entry{int(index), raw})
	}
	return h
}

// derived compares the derived values, as far as present, with the formulas.
func (f fields) derived(c *Config, bare bool) {
	if f.has("fix_lowest_va") {
		f.agree("fix_lowest_va", c.FixLowestVA())
	}
	if !f.has("derived") {
		return
	}
	end := "init_pg_tables_end"
	if c.Flavour == Xen {
		end = "sod_pt_end"
	}
	keys := []string{end, "boot_map_end", "pkmap_base"}
	var optional []string
	if bare {
		keys, optional = nil, keys
	}
	p, n := f.at("derived")
	d := f.object(p, n, keys, optional)
	d.agree(end, c.InitPgTablesEnd())
	d.agree("boot_map_end", c.BootMapEnd())
	d.agree("pkmap_base", c.PkmapBase())
}

// agree refuses a derived value that is present but not as the formula says.
func (f fields) agree(key string, formula uint64) {
	if !f.has(key) {
		return
	}
	if v := f.hexAt(key, max64); f.err == nil && v != formula {
		f.fail(join(f.path, key), "%#x disagrees with the other values, which give %#x", v, formula)
	}
}

// hexAt reads a hex number at key, at most limit.
func (f fields) hexAt(key string, limit uint64) uint64 {
	p, n := f.at(key)
	return f.hex(p, n, limit)
}

// hex32 reads a 32-bit hex number at key.
func (f fields) hex32(key string) uint64 { return f.hexAt(key, max32) }

// hexList reads a list of hex numbers at key.
func (f fields) hexList(key string, limit uint64) []uint64 {
	p, n := f.at(key)
	var out []uint64
	for i, v := range f.list(p, n) {
		out = append(out, f.hex(element(p, i), &v, limit))
	}
	return out
}

// flagAt reads a flag at key.
func (f fields) flagAt(key string) bool { return f.flag(f.at(key)) }

// intAt reads a number at key.
func (f fields) intAt(key string, lo, hi int64) int {
	p, n := f.at(key)
	return int(f.integer(p, n, lo, hi))
}
