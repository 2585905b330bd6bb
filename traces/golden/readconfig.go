package golden

import (
	"slices"
	"strings"
)

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

// config reads the config object at path. One that is bare need not say everything: what it
// leaves out is filled in, with what is known of the machine.
func (r *reader) config(path string, n *node, bare bool, m Machine) Config {
	c := Config{Flavour: Native, Mode: PAE}
	if !r.want(path, n, kindObject) {
		return c
	}
	if !r.kindOfMachine(path, n, bare, &c) {
		return c
	}
	known := append(keysOf("", c.Flavour, c.Mode), "$schema")
	required, optional := []string(nil), known
	if !bare {
		required, optional = keysOf("", c.Flavour, c.Mode), nil
	}
	f := r.object(path, n, required, optional)
	if r.over() {
		return c
	}
	f.common(&c)
	nested := map[string]fields{}
	if c.Flavour == Native {
		c.PG0 = f.page(f.at("pg0"))
		c.InitMapBeyondEnd = f.hex32("init_map_beyond_end")
	} else {
		f.xen(&c, bare, nested)
	}
	if r.failed() {
		return c
	}
	if bare {
		c.fill(func(key string) bool { return f.given(key, nested) }, m)
	}
	c.check(path, r)
	f.derived(&c, bare)
	return c
}

// given reports whether a file has a key, which may be one of an object inside.
func (f fields) given(key string, nested map[string]fields) bool {
	if object, inner, ok := strings.Cut(key, "."); ok {
		return nested[object].has(inner)
	}
	return f.has(key)
}

// kindOfMachine reads flavour and mode before the object is opened, since the set of legal
// keys depends on them. It reports whether they are known.
func (r *reader) kindOfMachine(path string, n *node, bare bool, c *Config) bool {
	flavour, mode := string(c.Flavour), string(c.Mode)
	ok := r.word(path, n, "flavour", bare, &flavour, string(Native), string(Xen))
	ok = r.word(path, n, "mode", bare, &mode, string(TwoLevel), string(PAE)) && ok
	c.Flavour, c.Mode = Flavour(flavour), Mode(mode)
	return ok
}

// word reads a key that is one of two words, if it is there.
func (r *reader) word(path string, n *node, key string, bare bool, to *string, a, b string) bool {
	p, i := join(path, key), slices.Index(n.keys, key)
	if i < 0 {
		if !bare {
			r.fail(p, "missing key")
		}
		return bare
	}
	text := r.text(p, &n.items[i])
	if n.items[i].kind == kindString && text != a && text != b {
		r.fail(p, "%s is neither %q nor %q", quote(text), a, b)
	}
	*to = text
	return text == a || text == b
}

// common reads what both flavours have.
func (f fields) common(c *Config) {
	c.PageOffset = f.hex32("page_offset")
	c.PSE, c.PGE, c.NX = f.flagAt("pse"), f.flagAt("pge"), f.flagAt("nx")
	c.MaxLowPFN = f.hexAt("max_low_pfn", maxLowPFN)
	c.InitEnd = f.hex32("init_end")
	c.SwapperPgDir = f.page(f.at("swapper_pg_dir"))
	c.EmptyZeroPage = f.page(f.at("empty_zero_page"))
	c.BootmemFirstPFN = f.hexAt("bootmem_first_pfn", maxLowPFN)
	c.FixaddrTop = f.page(f.at("fixaddr_top"))
	c.NrFixed = f.intAt("nr_fixed", 1, maxSlots)
	c.Highmem = f.flagAt("highmem")
	c.LastPkmap = f.intAt("last_pkmap", 0, maxSlots)
	if p, n := f.at("pkmap_base_override"); n.kind != kindNull && n.kind != kindMissing {
		base := f.page(p, n)
		c.PkmapBaseOverride = &base
	}
	c.ZapLowMappings = f.flagAt("zap_low_mappings")
}

// xen reads what only Xen has, and keeps the objects that it opens.
func (f fields) xen(c *Config, bare bool, nested map[string]fields) {
	if f.has("p2m") {
		c.P2M = f.p2m(f.at("p2m"))
	}
	for _, object := range []string{"sod", "hypervisor_l2"} {
		if !f.has(object) {
			continue
		}
		p, n := f.at(object)
		required, optional := keysOf(object, c.Flavour, c.Mode), []string(nil)
		if bare {
			required, optional = nil, required
		}
		nested[object] = f.object(p, n, required, optional)
	}
	c.SOD = nested["sod"].sod(c.Mode)
	c.HypervisorL2 = nested["hypervisor_l2"].hypervisorL2(c)
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

// sod reads the sod object; one that was not opened is empty.
func (f fields) sod(mode Mode) SOD {
	if f.values == nil {
		return SOD{}
	}
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

// hypervisorL2 reads the hypervisor_l2 object; one that was not opened is empty.
func (f fields) hypervisorL2(c *Config) HypervisorL2 {
	if f.values == nil {
		return HypervisorL2{}
	}
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
	for i, item := range f.list(p, list) {
		e := element(p, i)
		pair := f.tuple(e, &item, 2)
		if pair == nil {
			break
		}
		index := f.integer(element(e, 0), &pair[0], int64(h.FirstIndex), slots-1)
		raw := f.hex(element(e, 1), &pair[1], limit)
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
	keys := keysOf("derived", c.Flavour, c.Mode)
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
	if v := f.hexAt(key, max64); v != formula {
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
