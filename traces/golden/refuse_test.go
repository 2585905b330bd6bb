package golden

import (
	"bytes"
	"compress/gzip"
	"errors"
	"regexp"
	"strings"
	"testing"
)

// nativeBare is a legal bare native config without derived values.
const nativeBare = `{"flavour":"native","mode":"2level","page_offset":"0xc0000000","pse":0,"pge":1,"nx":0,
"max_low_pfn":"0x3000","init_end":"0xc04f3000","swapper_pg_dir":"0x4f3000","empty_zero_page":"0x4f4000",
"pg0":"0x560000","init_map_beyond_end":"0x424000","bootmem_first_pfn":"0x564","fixaddr_top":"0xfffff000",
"nr_fixed":58,"highmem":1,"last_pkmap":1024,"pkmap_base_override":null,"zap_low_mappings":0}`

// xenBare is a legal bare Xen config without derived values.
const xenBare = `{"flavour":"xen","mode":"pae","page_offset":"0xc0000000","pse":0,"pge":0,"nx":1,
"max_low_pfn":"0x1234","init_end":"0xc04f3000","swapper_pg_dir":"0x4f3000","empty_zero_page":"0x4f5000",
"bootmem_first_pfn":"0x56d","fixaddr_top":"0xf57fd000","nr_fixed":58,"fix_paravirt_bootmap":40,"highmem":1,
"last_pkmap":512,"pkmap_base_override":null,"zap_low_mappings":1,"shared_info_machine":"0x1f000",
"p2m":{"kind":"affine","base":"0x20000","a":"0x1235","b":"0x77","n":"0x1234"},
"sod":{"first_pfn":"0x566","l3_pfn":"0x566","l2_pfns":["0x567"],"l1_pfns":["0x568","0x569","0x56a","0x56b"],
"map_end":"0x800000","l1_flags":"0x23","l2_flags":"0x67","l3_flags":"0x1","extra_l2_for_slot3":0},
"hypervisor_l2":{"slot":3,"first_index":428,"entries":[[428,"0x12345063"]]}}`

// affineP2M is the p2m of xenBare.
const affineP2M = `{"kind":"affine","base":"0x20000","a":"0x1235","b":"0x77","n":"0x1234"}`

// refusal is one edit of a legal text, and the start of the message after
// "golden: x.json".
type refusal struct{ old, new, want string }

// checkRefusals applies each edit to legal and expects it refused by read.
func checkRefusals(t *testing.T, legal string, read func([]byte) error, cases []refusal) {
	t.Helper()
	if err := read([]byte(legal)); err != nil {
		t.Fatalf("the legal text is refused: %v", err)
	}
	for _, c := range cases {
		if strings.Count(legal, c.old) != 1 {
			t.Errorf("edit %q does not apply exactly once", c.old)
			continue
		}
		checkRefused(t, read([]byte(strings.Replace(legal, c.old, c.new, 1))), c.want, c.new)
	}
}

// checkRefused expects err to be an *Error of one line that begins with want.
func checkRefused(t *testing.T, err error, want, what string) {
	t.Helper()
	var e *Error
	line := regexp.MustCompile(`^golden: x\.json:[0-9]+`) // told of what is wrong in a text of several lines
	switch {
	case err == nil:
		t.Errorf("%.60s: not refused; want %q", what, want)
	case !errors.As(err, &e) || strings.Contains(e.Error(), "\n"):
		t.Errorf("%.60s: not a one-line *Error: %v", what, err)
	case !strings.HasPrefix(line.ReplaceAllString(err.Error(), "golden: x.json"), "golden: x.json"+want) &&
		!strings.HasPrefix(err.Error(), "golden: x.json"+want):
		t.Errorf("%.60s:\n got %v\nwant golden: x.json%s", what, err, want)
	}
}

// readBare reads a config as the file x.json.
func readBare(data []byte) error {
	_, err := ReadConfig("x.json", data)
	return err
}

func TestRefuseNative(t *testing.T) {
	const hm = `"highmem":1`
	checkRefusals(t, nativeBare, readBare, []refusal{
		{`"pse":0`, `"pse":0,"psx":1`, `: psx: unknown key`},
		{`"pse":0`, `"pse":0,"a b\n":1`, `: "a b\n": unknown key`},
		{`"pse":0`, `"pse":0,"pse":0`, `: pse: duplicate key`},
		{`"native"`, `"kvm"`, `: flavour: "kvm" is neither`},
		{`"native"`, `7`, `: flavour: want a string, found a number`},
		{`"native"`, `"xen"`, `: pg0: unknown key for flavour xen`},
		{`"2level"`, `"4level"`, `: mode: "4level" is neither`},
		{`"pse":0`, `"pse":2`, `: pse: 2 is not a flag`},
		{`"pse":0`, `"pse":true`, `: pse: want a number, found a boolean`},
		{`"pse":0`, `"pse":0.0`, `: pse: 0.0 is not a flag`},
		{`"0xc0000000"`, `"0x0"`, `: page_offset: must not be zero`},
		{`"0xc0000000"`, `"0xc0200000"`, `: page_offset: 0xc0200000 is not a multiple of 4 MiB`},
		{`"0xc0000000"`, `"0xC0000000"`, `: page_offset: "0xC0000000" is not a lower-case`},
		{`"0xc0000000"`, `"0x0c0000000"`, `: page_offset: "0x0c0000000" is padded`},
		{`"0xc0000000"`, `"c0000000"`, `: page_offset: "c0000000" is not a lower-case`},
		{`"0xc0000000"`, `"0x"`, `: page_offset: "0x" is not`},
		{`"0xc0000000"`, `"0x1c0000000"`, `: page_offset: "0x1c0000000" is out of range: at most 0xffffffff`},
		{`"0xc0000000"`, `3221225472`, `: page_offset: want a string, found a number`},
		{`"0x3000"`, `"0x0"`, `: max_low_pfn: must not be zero`},
		{`"0x3000"`, `"0x100001"`, `: max_low_pfn: "0x100001" is out of range`},
		{`"0xc04f3000"`, `"0x123456789"`, `: init_end: "0x123456789" is out of range`},
		{`"0x4f3000"`, `"0x4f3010"`, `: swapper_pg_dir: 0x4f3010 is not page aligned`},
		{`"0x4f4000"`, `"0x4f4001"`, `: empty_zero_page: 0x4f4001 is not page aligned`},
		{`"0x560000"`, `"0x560800"`, `: pg0: 0x560800 is not page aligned`},
		{`"0x560000"`, `"0xf0000000"`, `: pg0: with init_map_beyond_end 0x424000 there are`},
		{`"0x424000"`, `"0x424000000"`, `: init_map_beyond_end: "0x424000000" is out of range`},
		{`"0xfffff000"`, `"0xfffff001"`, `: fixaddr_top: 0xfffff001 is not page aligned`},
		{`"0xfffff000"`, `"0x0"`, `: fixaddr_top: must not be zero`},
		{`"nr_fixed":58`, `"nr_fixed":0`, `: nr_fixed: 0 is out of range`},
		{`"nr_fixed":58`, `"nr_fixed":-1`, `: nr_fixed: -1 is out of range`},
		{`"nr_fixed":58`, `"nr_fixed":5.5`, `: nr_fixed: 5.5 is not a whole number`},
		{`"nr_fixed":58`, `"nr_fixed":99999999999999999999`, `: nr_fixed: 99999999999999999999 is out of range`},
		{`"nr_fixed":58`, `"nr_fixed":"58"`, `: nr_fixed: want a number, found a string`},
		{`1024`, `0`, `: last_pkmap: must not be 0 when highmem is 1`},
		{`null`, `"0xfe801800"`, `: pkmap_base_override: 0xfe801800 is not page aligned`},
		{`null`, `0`, `: pkmap_base_override: want a string, found a number`},
		{hm, hm + `,"fix_lowest_va":"0xfffff000"`, `: fix_lowest_va: 0xfffff000 disagrees with the other values, which give 0xfffc6000`},
		{hm, hm + `,"derived":{"pkmap_base":"0xff400000"}`, `: derived.pkmap_base: 0xff400000 disagrees`},
		{hm, hm + `,"derived":{"boot_map_end":"0x800000"}`, `: derived.boot_map_end: 0x800000 disagrees`},
		{hm, hm + `,"derived":{"init_pg_tables_end":"0x564000"}`, `: derived.init_pg_tables_end: 0x564000 disagrees`},
		{hm, hm + `,"derived":{"sod_pt_end":"0x564000"}`, `: derived.sod_pt_end: unknown key`},
		{hm, hm + `,"sod":{}`, `: sod: unknown key`},
	})
}

func TestRefuseXen(t *testing.T) {
	checkRefusals(t, xenBare, readBare, []refusal{
		{`"fix_paravirt_bootmap":40`, `"fix_paravirt_bootmap":58`, `: fix_paravirt_bootmap: 58 is not a fixmap slot`},
		{`"0x1f000"`, `"0x20000000"`, `: shared_info_machine: 0x20000000 lies in frame`},
		{`"0x1f000"`, `"0x1f008"`, `: shared_info_machine: 0x1f008 is not page aligned`},
		{`"0x1f000"`, `"0x100000000"`, `: shared_info_machine: "0x100000000" is out of range`},
		{`"affine"`, `"random"`, `: p2m.kind: "random" is none of`},
		{`"kind":"affine",`, ``, `: p2m.kind: missing key`},
		{`"kind":"affine"`, `"kind":"linear"`, `: p2m.a: unknown key`},
		{`"a":"0x1235"`, `"a":"0x1236"`, `: p2m.a: not bijective: 0x1236 and n 0x1234 have the common divisor 0x2`},
		{`"n":"0x1234"`, `"n":"0x1233"`, `: p2m.n: 0x1233 is too small for 0x1234 frames`},
		{`"base":"0x20000"`, `"base":"0xffffffffff"`, `: p2m.base: 0xffffffffff leads to machine frames beyond`},
		{affineP2M, `{"kind":"list","mfns":[7,8,9]}`, `: p2m.mfns: too short: 3 machine frames for 4660 frames`},
		{affineP2M, `{"kind":"list","mfns":["0x7"]}`, `: p2m.mfns[0]: want a number, found a string`},
		{affineP2M, `{"kind":"list","mfns":[` + strings.Repeat("7,", 4659) + `7]}`, `: p2m.mfns[1]: not bijective: 7 is also machine frame of pfn 0`},
		{affineP2M, `[]`, `: p2m: want an object, found a list`},
		{`"0x56b"]`, `"0x568"]`, `: sod.l1_pfns[3]: frame 0x568 is also sod.l1_pfns[0]`},
		{`"0x56b"]`, `"0x567"]`, `: sod.l1_pfns[3]: frame 0x567 is also sod.l2_pfns[0]`},
		{`"0x56b"]`, `"0x1234"]`, `: sod.l1_pfns[3]: frame 0x1234 is out of range`},
		{`"0x56b"]`, `"0x1"]`, `: sod.l1_pfns[3]: frame 0x1 lies below first_pfn 0x566`},
		{`"0x56b"]`, `1387]`, `: sod.l1_pfns[3]: want a string, found a number`},
		{`,"0x56b"]`, `]`, `: sod.l1_pfns: want 4 frames by map_end, found 3`},
		{`["0x567"]`, `["0x567","0x56c"]`, `: sod.l2_pfns: want 1 frames by`},
		{`"extra_l2_for_slot3":0`, `"extra_l2_for_slot3":1`, `: sod.extra_l2_for_slot3: slot 3 has an L2 already`},
		{`"0x800000"`, `"0x800800"`, `: sod.map_end: 0x800800 is not page aligned`},
		{`"0x800000"`, `"0x0"`, `: sod.map_end: must not be zero`},
		{`"0x800000"`, `"0x2000000"`, `: sod.map_end: 0x2000000 lies beyond the last of 0x1234 frames`},
		{`"l1_flags":"0x23"`, `"l1_flags":"0x1023"`, `: sod.l1_flags: 0x1023 has bits in the frame part`},
		{`"slot":3`, `"slot":2`, `: hypervisor_l2.slot: want 3 in mode pae, found 2`},
		{`"first_index":428`, `"first_index":513`, `: hypervisor_l2.first_index: 513 is out of range`},
		{`[[428,`, `[[427,`, `: hypervisor_l2.entries[0][0]: 427 is out of range`},
		{`[[428,"0x12345063"]]`, `[[428,"0x1"],[428,"0x2"]]`, `: hypervisor_l2.entries[1]: index 428 is doubled`},
		{`[[428,"0x12345063"]]`, `[[428]]`, `: hypervisor_l2.entries[0]: want a list of 2 elements, found 1`},
		{`"mode":"pae"`, `"mode":"2level"`, `: sod.l3_pfn: unknown key for mode 2level`},
	})
}

func TestRefuseText(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ": empty file"},
		{"blank", " \n", ": empty file"},
		{"not an object", "[1]", ": want an object, found a list"},
		{"number", "7", ": want an object, found a number"},
		{"cut", nativeBare[:200], ":3:"},
		{"garbage", nativeBare + "\n}", ":5:1: JSON: invalid character '}' after top-level value"},
		{"comma", "{\"a\":1,\n  }", ":2:3: JSON: invalid character '}'"},
		{"first byte", "x", ":1:1: JSON: invalid character 'x'"},
		{"end", "{\n", ":2:1: JSON: unexpected end"},
		{"UTF-8", "{\"a\":\"\xff\"}", ":1:7: JSON: invalid UTF-8"},
		{"depth", strings.Repeat("[", 20000), ":1:"},
	} {
		checkRefused(t, readBare([]byte(c.text)), c.want, c.name)
	}
}

// zip compresses text.
func zip(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRefuseGzip(t *testing.T) {
	packed := zip(t, nativeBare)
	if err := readBare(packed); err != nil {
		t.Fatalf("legal gzip is refused: %v", err)
	}
	corrupt := bytes.Clone(packed)
	corrupt[len(corrupt)-6] ^= 1 // in the checksum
	checkRefused(t, readBare(packed[:len(packed)/2]), ": gzip: truncated or corrupt", "cut")
	checkRefused(t, readBare(packed[:5]), ": gzip: corrupt header", "header")
	checkRefused(t, readBare(corrupt), ": gzip: truncated or corrupt", "corrupt")
	checkRefused(t, readBare(append(bytes.Clone(packed), 0)), ": gzip: 1 bytes of trailing garbage", "garbage")
	checkRefused(t, readBare(zip(t, "")), ": empty file", "empty")
	_, err := Decode("x.json.gz", []byte("{}"))
	checkRefused(t, err, ".gz: not gzip data", "not gzip")
	_, err = Read("x.json")
	checkRefused(t, err, ": open: no such file", "no file")
}

func TestRefuseFile(t *testing.T) {
	legal := string(mustText(t, goldenDir+"/odd/nativepae_oom.json"))
	read := func(data []byte) error {
		_, err := Decode("x.json", data)
		return err
	}
	checkRefusals(t, legal, read, []refusal{
		{`i386-pt-golden-1`, `i386-pt-golden-2`, `: format: "i386-pt-golden-2" is not "i386-pt-golden-1"`},
		{`"cr4_set"`, `"cr5":1,"cr4_set"`, `: cr5: unknown key`},
		{`"cr4_set":"0x0"`, `"cr4_set":"0x1"`, `: cr4_set: 0x1 has bits other than`},
		{`"nr_fixed":58`, `"nr_fixed":0`, `: config.nr_fixed: 0 is out of range`},
		{`,"fix_lowest_va":"0xfffc6000"`, ``, `: config.fix_lowest_va: missing key`},
		{`"boot_map_end":"0xc00000",`, ``, `: config.derived.boot_map_end: missing key`},
		{`"panic Out of memory"`, `"hang"`, `: outcome: "hang" is none of`},
		{`"panic Out of memory"`, `"ok then"`, `: outcome: "ok then" has text after ok`},
		{`"panic Out of memory"`, `"panic"`, `: outcome: "panic" does not say`},
		{`"tables_sha256":"6c`, `"tables_sha256":"6C`, `: hash.tables_sha256: "6C`},
		{`"tables_sha256":"6c`, `"prezap_tables_sha256":"","tables_sha256":"6c`, `: hash.prezap_tables_sha256: unknown key`},
		{`["0x15c","pmd"]`, `["0x15c","pgd"]`, `: bootmem[0][1]: "pgd" is none of`},
		{`["setup_start"]`, `["setup"]`, `: trace[0][0]: unknown operation "setup"`},
		{`["setup_start"]`, `["setup_start",1]`, `: trace[0]: want a list of 1 elements, found 2`},
		{`["setup_start"]`, `[]`, `: trace[0]: empty operation`},
		{`["setup_start"]`, `["set_pte",0]`, `: trace[0][1]: 0 is out of range`},
		{`["setup_start"]`, `["set_pte",1],["set_pte",1]`, `: trace[1]: two set_pte in a row are not folded`},
		{`["setup_start"]`, `["hv_reject","a\nb"]`, `: trace[0][1]: text has a line break`},
		{`{"pa":"0x14d000","level":2`, `{"pa":"0x14b000","level":2`, `: tables[1]: tables are not in ascending order`},
		{`{"pa":"0x14d000","level":2`, `{"pa":"0x14d000","level":4`, `: tables[1].level: 4 is out of range`},
		{`"level":3,"width":8`, `"level":3,"width":4`, `: tables[0].width: a level-3 table has width 8`},
		{`[3,1,"0x15c001","0x0"]`, `[3,2,"0x15c001","0x0"]`, `: tables[0].runs[1][1]: 2 is out of range: from 1 to 1`},
		{`[3,1,"0x15c001","0x0"]`, `[2,1,"0x15c001","0x0"]`, `: tables[0].runs[1]: runs overlap`},
		{`[3,1,"0x15c001","0x0"]`, `[3,1,"0x15c001","0x1"]`, `: tables[0].runs: runs are not greedy maximal`},
		{`[3,1,"0x15c001","0x0"]`, `[3,1,"0x0","0x0"]`, `: tables[0].runs: entry 3 has the value 0x0`},
		{`"root_residue":[[768`, `"root_residue":[[7`, `: root_residue: word 7 belongs to the root`},
		{`"root_residue":[[768,3,"0x158007","0x1000"]]`, `"root_residue":[]`, `: root_residue: must not be empty`},
	})
}
