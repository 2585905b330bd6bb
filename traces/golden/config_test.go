package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/seeds"
)

// mustConfig reads a config text after edits given as pairs old, new.
func mustConfig(t *testing.T, text string, edits ...string) *Config {
	t.Helper()
	c, err := ReadConfig("x.json", []byte(strings.NewReplacer(edits...).Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReadConfigOfGoldens(t *testing.T) {
	for _, path := range goldenFiles(t) {
		text := mustText(t, path)
		whole, err := ReadConfig("x.json", text)
		if err != nil {
			t.Fatal(err)
		}
		var top struct{ Config json.RawMessage }
		if err := json.Unmarshal(text, &top); err != nil {
			t.Fatal(err)
		}
		bare, err := ReadConfig("x.json", top.Config)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := bare.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		if !whole.Equal(bare) || out.String() != string(top.Config)+"\n" {
			t.Errorf("%s: config does not survive", path)
		}
		if err := bare.Validate(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestOddButLegal reads configurations that look odd and must be accepted.
func TestOddButLegal(t *testing.T) {
	for _, edits := range [][]string{
		{`"0x3000"`, `"0x100000"`},                            // lowmem beyond the address space
		{`"2level"`, `"pae"`, `"0xc0000000"`, `"0xb0000000"`}, // inside a 1 GiB slot
		{`"0x564"`, `"0x3000"`},                               // no bootmem at all
		{`"0x564"`, `"0x0"`},                                  // bootmem from frame 0
		{`"0x4f3000"`, `"0x0"`},                               // root at 0
		{`"0x4f3000"`, `"0xfffff000"`},                        // root far beyond memory
		{`"0xfffff000"`, `"0x1000"`},                          // fixmap wraps around
		{`"nx":0`, `"nx":1`},                                  // nx is ignored in 2level
		{`"0xc04f3000"`, `"0xc0400001"`},                      // init_end anywhere
		{`"0xc04f3000"`, `"0x0"`},                             // empty executable range
		{`"highmem":1`, `"highmem":0`, `1024`, `0`},           // no pkmap
		{`null`, `"0xfe801000"`},                              // override not PMD aligned
		{`1024`, `700`},                                       // odd number of slots
		{`"nr_fixed":58`, `"nr_fixed":1500`},                  // more than one table
		{`"0x424000"`, `"0x0"`},                               // no slack
	} {
		mustConfig(t, nativeBare, edits...)
	}
	for _, edits := range [][]string{
		{`"pse":0`, `"pse":1`},
		{affineP2M, `{"kind":"linear","base":"0xf00000000"}`},
		{`["0x568","0x569"`, `["0x569","0x568"`},
		{`"entries":[[428,"0x12345063"]]`, `"entries":[]`},
		{`"0xc0000000"`, `"0x80000000"`, `"extra_l2_for_slot3":0`, `"extra_l2_for_slot3":1`, `["0x567"]`, `["0x567","0x56c"]`},
		{`"0xc0000000"`, `"0xbfc00000"`, `["0x567"]`, `["0x567","0x56c"]`}, // straddles two slots
		{`"pae"`, `"2level"`, `"l3_pfn":"0x566",`, ``, `"l3_flags":"0x1",`, ``, `,"0x56a","0x56b"`, ``, `"slot":3`, `"slot":0`},
	} {
		c := mustConfig(t, xenBare, edits...)
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestDerived(t *testing.T) {
	c := mustConfig(t, nativeBare)
	for _, v := range []struct {
		name      string
		got, want uint64
	}{
		{"FixLowestVA", c.FixLowestVA(), 0xfffc6000},
		{"FixVA", c.FixVA(57), 0xfffc6000},
		{"PkmapBase", c.PkmapBase(), 0xff800000},
		{"BootTables", uint64(c.BootTables()), 3},
		{"InitPgTablesEnd", c.InitPgTablesEnd(), 0x563000},
		{"BootMapEnd", c.BootMapEnd(), 0xc00000},
		{"Root", c.Root(), 0x4f3000},
	} {
		if v.got != v.want {
			t.Errorf("%s is %#x, want %#x", v.name, v.got, v.want)
		}
	}
}

// TestBootTables compares the closed formula with the search of the text.
func TestBootTables(t *testing.T) {
	for pg0 := uint64(0); pg0 < 64<<20; pg0 += 0xf7000 {
		for _, slack := range []uint64{0, 1, 0x20000, 0x424000, 0x828000, 0x828001} {
			c := Config{Flavour: Native, PG0: pg0, InitMapBeyondEnd: slack}
			n := uint64(1)
			for n<<22 < pg0+n*PageSize+slack {
				n++
			}
			if got := c.BootTables(); uint64(got) != n {
				t.Fatalf("pg0 %#x slack %#x: %d tables, want %d", pg0, slack, got, n)
			}
		}
	}
}

func TestP2MInverse(t *testing.T) {
	for _, path := range goldenFiles(t) {
		c := &mustRead(t, path).Config
		if c.Flavour == Native {
			continue
		}
		m2p := c.M2P()
		for pfn := uint64(0); pfn < c.MaxLowPFN; pfn++ {
			mfn, ok := c.MFN(pfn)
			if back, found := m2p.PFN(mfn); !ok || !found || back != pfn {
				t.Fatalf("%s: pfn %#x -> mfn %#x -> pfn %#x", path, pfn, mfn, back)
			}
		}
		if _, ok := c.MFN(c.MaxLowPFN); ok {
			t.Errorf("%s: a pfn beyond the domain has an mfn", path)
		}
		if _, ok := m2p.PFN(c.SharedInfoMachine >> PageShift); ok {
			t.Errorf("%s: the shared info frame is in the p2m", path)
		}
	}
}

// FuzzReadConfig: reading never panics, and what is accepted is read equal
// after writing.
func FuzzReadConfig(f *testing.F) {
	seeds.Add(f, []byte(nativeBare))
	seeds.Add(f, []byte(xenBare))
	seeds.Add(f, []byte(strings.Replace(xenBare, affineP2M, `{"kind":"list","mfns":[1,2,3]}`, 1)))
	seeds.Files(f, 0, goldenDir+"/odd/nativepae_oom.json")
	seeds.Add(f, zip(f, nativeBare))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadConfig("x.json", data)
		if err != nil {
			var e *Error
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "golden: x.json:") {
					t.Fatalf("error of more than one line: %q", err)
				}
			}
			if !errors.As(err, &e) {
				t.Fatalf("not an *Error: %v", err)
			}
			return
		}
		var out bytes.Buffer
		if err := c.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ReadConfig("x.json", out.Bytes())
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, out.Bytes())
		}
		if !c.Equal(again) {
			t.Fatalf("not equal after writing: %s", out.Bytes())
		}
	})
}
