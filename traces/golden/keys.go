package golden

import (
	"slices"
	"strings"
)

// Key is a key of a configuration: what files may say, where it may stand and what holds
// where it is left out. The reader, the schema and the page about configurations are all
// made from the list of them, [Keys].
type Key struct {
	// Name is the key; that of an object inside has the object's name before it, as in
	// "sod.map_end".
	Name string
	// Flavour and Mode say for which machines it is; empty: for all.
	Flavour Flavour
	Mode    Mode
	// Says is what it means, Default what holds without it; no Default: it says how another
	// key is meant, and is needed with that.
	Says, Default string
	form          form
}

// form is how a value is written.
type form struct {
	kind  formKind
	words []string // of a word
	// min and max bound a number.
	min, max int64
}

type formKind uint8

const (
	aWord formKind = iota
	aFlag
	aNumber
	aHex     // "0x…"
	aHexNull // "0x…" or null
	hexes    // a list of them
	numbers  // a list of numbers
	pairs    // a list of [number, "0x…"]
	anObject
)

// Keys lists the keys of configurations; those of an object follow it.
func Keys() []Key {
	return slices.Concat(machineKeys(), kernelKeys(), nativeKeys(), xenKeys(), p2mKeys(), sodKeys(), hypervisorKeys(), derivedKeys())
}

func flagForm() form                 { return form{kind: aFlag} }
func hexForm() form                  { return form{kind: aHex} }
func numberForm(min, max int64) form { return form{kind: aNumber, min: min, max: max} }

func machineKeys() []Key {
	return []Key{
		{Name: "flavour", Says: "which kernel boots", Default: "native",
			form: form{kind: aWord, words: []string{string(Native), string(Xen)}}},
		{Name: "mode", Says: "the page tables: two levels of 4-byte entries, or PAE", Default: "pae",
			form: form{kind: aWord, words: []string{string(TwoLevel), string(PAE)}}},
		{Name: "pse", Says: "the CPU has large pages", Default: "1, under Xen 0", form: flagForm()},
		{Name: "pge", Says: "the CPU has global pages", Default: "1, under Xen 0", form: flagForm()},
		{Name: "nx", Says: "the CPU has no-execute; nothing comes of it in mode 2level", Default: "1, in mode 2level 0", form: flagForm()},
		{Name: "max_low_pfn", Says: "number of frames of low memory", Default: "the frames of --memory, " +
			"at most those that fit between page_offset and 128 MiB below the fixmap (MAXMEM_PFN); without --memory all of these", form: hexForm()},
		{Name: "highmem", Says: "there is memory above low memory, so pkmap tables are built", Default: "1; with --memory: whether there is", form: flagForm()},
	}
}

func kernelKeys() []Key {
	return []Key{
		{Name: "page_offset", Says: "PAGE_OFFSET: frame p of low memory is at page_offset + p*4096", Default: "0xc0000000", form: hexForm()},
		{Name: "swapper_pg_dir", Says: "physical address of the kernel's root table", Default: "0x4f3000; with the kernel's place in --memory: where its bss begins", form: hexForm()},
		{Name: "empty_zero_page", Says: "physical address of the zero page", Default: "the page after swapper_pg_dir", form: hexForm()},
		{Name: "init_end", Says: "last address of what is executable, which begins at page_offset", Default: "page_offset + swapper_pg_dir", form: hexForm()},
		{Name: "bootmem_first_pfn", Says: "the first frame that the boot allocator gives out, upwards", Default: "after the first tables and the allocator's bitmap", form: hexForm()},
		{Name: "fixaddr_top", Says: "FIXADDR_TOP: fixmap slot i is at fixaddr_top - i*4096", Default: "0xfffff000; under Xen 0xf57fd000, in mode 2level 0xfbffd000", form: hexForm()},
		{Name: "nr_fixed", Says: "number of fixmap slots", Default: "58", form: numberForm(1, maxSlots)},
		{Name: "last_pkmap", Says: "number of pkmap slots", Default: "512, in mode 2level 1024", form: numberForm(0, maxSlots)},
		{Name: "pkmap_base_override", Says: "another base of the pkmap area than the one that follows from the fixmap", Default: "null: none", form: form{kind: aHexNull}},
		{Name: "zap_low_mappings", Says: "the low mappings go once the new tables are in use, as on one processor", Default: "1", form: flagForm()},
	}
}

func nativeKeys() []Key {
	return []Key{
		{Name: "pg0", Flavour: Native, Says: "physical address of the first table of head.S", Default: "swapper_pg_dir + 0x6d000; with the kernel's place in --memory: after its bss", form: hexForm()},
		{Name: "init_map_beyond_end", Flavour: Native, Says: "bytes that head.S maps beyond its tables", Default: "0x828000, in mode 2level 0x424000", form: hexForm()},
	}
}

func xenKeys() []Key {
	return []Key{
		{Name: "shared_info_machine", Flavour: Xen, Says: "machine address of the shared info page, outside the domain's own frames", Default: "0x1f000", form: hexForm()},
		{Name: "fix_paravirt_bootmap", Flavour: Xen, Says: "the fixmap slot where it is mapped", Default: "40, at most nr_fixed - 1", form: numberForm(0, maxSlots)},
		{Name: "p2m", Flavour: Xen, Says: "which machine frame each frame is", Default: `{"kind": "linear", "base": "0x20000"}`, form: form{kind: anObject}},
		{Name: "sod", Flavour: Xen, Says: "the tables that the domain builder leaves", Default: "as said below", form: form{kind: anObject}},
		{Name: "hypervisor_l2", Flavour: Xen, Says: "the part of the last L2 table that is the hypervisor's", Default: "as said below", form: form{kind: anObject}},
	}
}

func p2mKeys() []Key {
	return []Key{
		{Name: "p2m.kind", Flavour: Xen, Says: "linear: base + pfn; affine: base + (a*pfn + b) mod n; list: mfns[pfn]",
			form: form{kind: aWord, words: []string{string(Linear), string(Affine), string(List)}}},
		{Name: "p2m.base", Flavour: Xen, Says: "the first machine frame (linear, affine)", form: hexForm()},
		{Name: "p2m.a", Flavour: Xen, Says: "the factor (affine)", form: hexForm()},
		{Name: "p2m.b", Flavour: Xen, Says: "the summand (affine)", form: hexForm()},
		{Name: "p2m.n", Flavour: Xen, Says: "the modulus (affine), at least max_low_pfn", form: hexForm()},
		{Name: "p2m.mfns", Flavour: Xen, Says: "the machine frames (list), decimal", form: form{kind: numbers}},
	}
}

func sodKeys() []Key {
	return []Key{
		{Name: "sod.first_pfn", Flavour: Xen, Says: "the first frame that may be a table", Default: "swapper_pg_dir's + 0x73", form: hexForm()},
		{Name: "sod.map_end", Flavour: Xen, Says: "physical address up to which they map memory", Default: "512 KiB beyond the tables, in whole 4 MiB, at most low memory", form: hexForm()},
		{Name: "sod.extra_l2_for_slot3", Flavour: Xen, Says: "root slot 3 has an empty L2 table of its own, the last of l2_pfns", Default: "0", form: flagForm()},
		{Name: "sod.l3_pfn", Flavour: Xen, Mode: PAE, Says: "frame of the root", Default: "first_pfn", form: hexForm()},
		{Name: "sod.l2_pfns", Flavour: Xen, Says: "frames of the L2 tables", Default: "as many as map_end takes, after the root", form: form{kind: hexes}},
		{Name: "sod.l1_pfns", Flavour: Xen, Says: "frames of the L1 tables", Default: "as many as map_end takes, after the L2 tables", form: form{kind: hexes}},
		{Name: "sod.l1_flags", Flavour: Xen, Says: "flags of L1 entries; those of tables are read-only all the same", Default: "0x23", form: hexForm()},
		{Name: "sod.l2_flags", Flavour: Xen, Says: "flags of L2 entries", Default: "0x67", form: hexForm()},
		{Name: "sod.l3_flags", Flavour: Xen, Mode: PAE, Says: "flags of L3 entries", Default: "0x1", form: hexForm()},
	}
}

func hypervisorKeys() []Key {
	return []Key{
		{Name: "hypervisor_l2.slot", Flavour: Xen, Says: "the root slot of that table", Default: "3, in mode 2level 0", form: numberForm(0, 3)},
		{Name: "hypervisor_l2.first_index", Flavour: Xen, Says: "its first slot that is the hypervisor's", Default: "that of the first whole entry above fixaddr_top", form: numberForm(0, 1024)},
		{Name: "hypervisor_l2.entries", Flavour: Xen, Says: "what the hypervisor has there at the start: pairs of slot and entry", Default: "none", form: form{kind: pairs}},
	}
}

// derivedKeys are those that dumps have as well, though they follow from the others; a
// configuration that has them must have the right values.
func derivedKeys() []Key {
	const follows = "follows from the other keys, and must agree with them"
	return []Key{
		{Name: "fix_lowest_va", Says: "the lowest address of the fixmap", Default: follows, form: hexForm()},
		{Name: "derived", Says: "what follows from the other keys", Default: follows, form: form{kind: anObject}},
		{Name: "derived.init_pg_tables_end", Flavour: Native, Says: "physical address after the tables of head.S", Default: follows, form: hexForm()},
		{Name: "derived.sod_pt_end", Flavour: Xen, Says: "physical address after the tables of the builder", Default: follows, form: hexForm()},
		{Name: "derived.boot_map_end", Says: "physical address up to which the first tables map", Default: follows, form: hexForm()},
		{Name: "derived.pkmap_base", Says: "the lowest address of the pkmap area", Default: follows, form: hexForm()},
	}
}

// keysOf lists the keys of an object (empty: of the configuration itself) of a machine.
func keysOf(object string, flavour Flavour, mode Mode) []string {
	var out []string
	for _, k := range Keys() {
		parent, name := "", k.Name
		if i := strings.LastIndexByte(k.Name, '.'); i >= 0 {
			parent, name = k.Name[:i], k.Name[i+1:]
		}
		if parent == object && (k.Flavour == "" || k.Flavour == flavour) && (k.Mode == "" || k.Mode == mode) {
			out = append(out, name)
		}
	}
	return out
}
