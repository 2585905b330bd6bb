package golden

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// eachMachine calls a function for each flavour and mode.
func eachMachine(t *testing.T, see func(t *testing.T, flavour Flavour, mode Mode)) {
	for _, flavour := range []Flavour{Native, Xen} {
		for _, mode := range []Mode{TwoLevel, PAE} {
			t.Run(string(flavour)+" "+string(mode), func(t *testing.T) { see(t, flavour, mode) })
		}
	}
}

// TestDefaults wants every key to have a value that fits the others where a file says
// nothing, or only what kind of machine it is.
func TestDefaults(t *testing.T) {
	if c := mustConfig(t, "{}"); c.Flavour != Native || c.Mode != PAE || c.MaxLowPFN != 0x38000 || !c.PSE {
		t.Errorf("an empty configuration is %+v", c)
	}
	eachMachine(t, func(t *testing.T, flavour Flavour, mode Mode) {
		c := Default(flavour, mode)
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		again := mustConfig(t, fmt.Sprintf(`{"flavour": %q, "mode": %q}`, flavour, mode))
		if !again.Equal(&c) {
			t.Errorf("read as %+v, want %+v", again, c)
		}
	})
}

// TestEachKeyMayBeLeftOut leaves out each key of an example: what is filled in is what was
// there.
func TestEachKeyMayBeLeftOut(t *testing.T) {
	eachMachine(t, func(t *testing.T, flavour Flavour, mode Mode) {
		c := Default(flavour, mode)
		text := exampleText(t, &c)
		for _, key := range keysOf("", flavour, mode) {
			lines := strings.Split(text, "\n")
			for i, l := range lines {
				if strings.HasPrefix(l, `  "`+key+`": `) && strings.HasSuffix(l, ",") && !strings.HasSuffix(l, "{,") {
					lines[i] = ""
				}
			}
			if key == "flavour" || key == "mode" {
				continue // what they are decides what the others are
			}
			if again := mustConfig(t, strings.Join(lines, "\n")); !again.Equal(&c) {
				t.Errorf("without %s: %+v, want %+v", key, again, c)
			}
		}
	})
}

func exampleText(t *testing.T, c *Config) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.WriteExample(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRecordedBuilder wants the tables of the domain builder to be laid out as they are in
// a recorded boot, of which only their flags and where they begin are told.
func TestRecordedBuilder(t *testing.T) {
	want := mustConfig(t, xenBare)
	got := mustConfig(t, xenBare, `"l3_pfn":"0x566","l2_pfns":["0x567"],"l1_pfns":["0x568","0x569","0x56a","0x56b"],
"map_end":"0x800000",`, "", `"bootmem_first_pfn":"0x56d",`, "", `"first_index":428,`, "", `"slot":3,`, "", `"init_end":"0xc04f3000",`, "")
	if !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	native := mustConfig(t, nativeBare)
	got = mustConfig(t, nativeBare, `"bootmem_first_pfn":"0x564",`, "", `"pg0":"0x560000","init_map_beyond_end":"0x424000",`, "", `"empty_zero_page":"0x4f4000",`, "")
	if !got.Equal(native) {
		t.Errorf("got %+v, want %+v", got, native)
	}
}

// TestMachine wants what is known of a machine to count less than what a file says, and
// more than the defaults.
func TestMachine(t *testing.T) {
	m := Machine{MaxPFN: 0x20000, BSS: 0x700100, End: 0x812345}
	read := func(text string) *Config {
		c, err := ReadConfigOn("x.json", []byte(text), m)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := read("{}"); c.MaxLowPFN != 0x20000 || c.Highmem || c.SwapperPgDir != 0x701000 || c.PG0 != 0x813000 || c.InitEnd != 0xc0701000 {
		t.Errorf("without a word: %+v", c)
	}
	if c := read(`{"max_low_pfn": "0x1234", "swapper_pg_dir": "0x300000", "highmem": 1}`); c.MaxLowPFN != 0x1234 || !c.Highmem || c.PG0 != 0x36d000 {
		t.Errorf("what the file says is lost: %+v", c)
	}
	if m.MaxPFN = 0x100000; !read("{}").Highmem || read("{}").MaxLowPFN != 0x38000 {
		t.Error("4 GiB are not low memory and memory above it")
	}
}

// TestAllRefusalsAtOnce wants everything that is wrong told, each in one line with the line
// of the file.
func TestAllRefusalsAtOnce(t *testing.T) {
	_, err := ReadConfig("x.json", []byte(`{
  "flavour": "xen",
  "pge": 2,
  "nr_fixd": 3,
  "pg0": "0x1000",
  "max_low_pfn": "12",
  "sod": {
    "map_end": "0x1001",
    "l1_pfns": ["0x1",
      7]
  }
}`))
	want := []string{
		"golden: x.json:4: nr_fixd: unknown key; did you mean nr_fixed?",
		"golden: x.json:5: pg0: unknown key for flavour xen",
		"golden: x.json:3: pge: 2 is not a flag: 0 or 1",
		`golden: x.json:6: max_low_pfn: "12" is not a lower-case hex number "0x…"`,
		"golden: x.json:10: sod.l1_pfns[1]: want a string, found a number",
		"golden: x.json:8: sod.map_end: 0x1001 is not page aligned",
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got %v, want\n%s", err, strings.Join(want, "\n"))
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Error("not an *Error")
	}
	_, err = ReadConfig("x.json", []byte("{"+strings.Repeat(`"x":1,`, 3)+`"y": `+strings.Repeat("[", 5)+strings.Repeat("]", 5)+"}"))
	if n := strings.Count(fmt.Sprint(err), "\n"); n != 1 {
		t.Errorf("one key that is wrong thrice is told in %d lines", n+1)
	}
}
