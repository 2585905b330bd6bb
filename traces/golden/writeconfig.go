package golden

// appendConfig appends the config object with keys in the order of the files.
func appendConfig(b []byte, c *Config) []byte { return appendKeys(b, c, true) }

// appendOwn appends the config object without what follows from the rest.
func appendOwn(b []byte, c *Config) []byte { return appendKeys(b, c, false) }

func appendKeys(b []byte, c *Config, derived bool) []byte {
	j := &jsonText{b}
	j.open('{')
	j.key("flavour").str(string(c.Flavour))
	j.key("mode").str(string(c.Mode))
	j.key("page_offset").hex(c.PageOffset)
	j.key("pse").flag(c.PSE)
	j.key("pge").flag(c.PGE)
	j.key("nx").flag(c.NX)
	j.key("max_low_pfn").hex(c.MaxLowPFN)
	j.key("init_end").hex(c.InitEnd)
	j.key("swapper_pg_dir").hex(c.SwapperPgDir)
	j.key("empty_zero_page").hex(c.EmptyZeroPage)
	if c.Flavour == Native {
		j.key("pg0").hex(c.PG0)
		j.key("init_map_beyond_end").hex(c.InitMapBeyondEnd)
	}
	j.key("bootmem_first_pfn").hex(c.BootmemFirstPFN)
	j.key("fixaddr_top").hex(c.FixaddrTop)
	j.key("nr_fixed").int(c.NrFixed)
	if derived {
		j.key("fix_lowest_va").hex(c.FixLowestVA())
	}
	if c.Flavour == Xen {
		j.key("fix_paravirt_bootmap").int(c.FixParavirtBootmap)
	}
	j.key("highmem").flag(c.Highmem)
	j.key("last_pkmap").int(c.LastPkmap)
	if j.key("pkmap_base_override"); c.PkmapBaseOverride != nil {
		j.hex(*c.PkmapBaseOverride)
	} else {
		j.raw([]byte("null"))
	}
	j.key("zap_low_mappings").flag(c.ZapLowMappings)
	if c.Flavour == Xen {
		j.xen(c)
	}
	if derived {
		j.derived(c)
	}
	j.close('}')
	return j.b
}

// derived appends what follows from the other keys.
func (j *jsonText) derived(c *Config) {
	end := "init_pg_tables_end"
	if c.Flavour == Xen {
		end = "sod_pt_end"
	}
	j.key("derived").open('{')
	j.key(end).hex(c.InitPgTablesEnd())
	j.key("boot_map_end").hex(c.BootMapEnd())
	j.key("pkmap_base").hex(c.PkmapBase())
	j.close('}')
}

// xen appends what only Xen has.
func (j *jsonText) xen(c *Config) {
	j.key("shared_info_machine").hex(c.SharedInfoMachine)
	j.key("p2m").p2m(&c.P2M)
	j.key("sod").sod(&c.SOD, c.Mode)
	j.key("hypervisor_l2").open('{')
	j.key("slot").int(c.HypervisorL2.Slot)
	j.key("first_index").int(c.HypervisorL2.FirstIndex)
	j.key("entries").open('[')
	for _, e := range c.HypervisorL2.Entries {
		j.item().open('[')
		j.item().int(e.Index)
		j.item().hex(e.Raw)
		j.close(']')
	}
	j.close(']')
	j.close('}')
}

// p2m appends the p2m object.
func (j *jsonText) p2m(p *P2M) {
	j.open('{')
	j.key("kind").str(string(p.Kind))
	if p.Kind != List {
		j.key("base").hex(p.Base)
	}
	switch p.Kind {
	case Affine:
		j.key("a").hex(p.A)
		j.key("b").hex(p.B)
		j.key("n").hex(p.N)
	case List:
		j.key("mfns").open('[')
		for _, mfn := range p.MFNs {
			j.item().int(int(mfn))
		}
		j.close(']')
	}
	j.close('}')
}

// sod appends the sod object.
func (j *jsonText) sod(s *SOD, mode Mode) {
	j.open('{')
	j.key("first_pfn").hex(s.FirstPFN)
	if mode == PAE {
		j.key("l3_pfn").hex(s.L3PFN)
	}
	j.key("l2_pfns").hexes(s.L2PFNs)
	j.key("l1_pfns").hexes(s.L1PFNs)
	j.key("map_end").hex(s.MapEnd)
	j.key("l1_flags").hex(s.L1Flags)
	j.key("l2_flags").hex(s.L2Flags)
	if mode == PAE {
		j.key("l3_flags").hex(s.L3Flags)
	}
	j.key("extra_l2_for_slot3").flag(s.ExtraL2ForSlot3)
	j.close('}')
}

// hexes appends a list of numbers as strings "0x…".
func (j *jsonText) hexes(list []uint64) {
	j.open('[')
	for _, v := range list {
		j.item().hex(v)
	}
	j.close(']')
}
