package pagemap

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

func ignore(t *testing.T, words ...string) Ignore {
	t.Helper()
	ig, err := ParseIgnore(words)
	if err != nil {
		t.Fatal(err)
	}
	return ig
}

// TestSameIsSame compares every recorded boot with itself.
func TestSameIsSame(t *testing.T) {
	each(t, func(path string) {
		m := draw(t, read(t, path))
		if d := Diff(m, m, Ignore{}); len(d) > 0 {
			t.Errorf("%s differs from itself: %v", path, d)
		}
	})
}

// TestEveryBitCounts changes one leaf in one bit, and looks whether the
// difference is found, there alone, and ignored when it should be.
func TestEveryBitCounts(t *testing.T) {
	for bit, word := range map[model.Entry]string{
		model.RW: "rw", model.User: "user", model.Accessed: "accessed", model.Dirty: "dirty", model.Global: "global",
		model.NX: "nx", model.PCD: "cache", 1 << 9: "avail", 1 << 12: "frames", model.Present: "",
	} {
		f := read(t, goldens+"native/pae_nr_fixed1_pse0.json")
		before := draw(t, f)
		table := slices.IndexFunc(f.Tables, func(t golden.Table) bool { return t.Level == 1 && t.Width == 8 && len(t.Entries) > 0 })
		e := &f.Tables[table].Entries[5]
		page := uint64(model.Entry(e.Raw).MFN()) << golden.PageShift
		e.Raw ^= uint64(bit)
		after := draw(t, f)
		// The table hangs in two places.
		d := Diff(before, after, Ignore{})
		if len(d) != 2 || d[0].Start != page || d[1].Start != f.Config.PageOffset+page || d[0].Size != golden.PageSize {
			t.Errorf("bit %#x: %+v", uint64(bit), d)
		}
		if word == "" {
			continue
		}
		if d := Diff(before, after, ignore(t, word)); len(d) > 0 {
			t.Errorf("bit %#x, ignoring %s: %+v", uint64(bit), word, d)
		}
	}
}

// TestDiffText compares boots of different kinds with files in testdata.
func TestDiffText(t *testing.T) {
	for _, x := range []struct {
		name, a, b string
		ignore     []string
	}{
		{"pse", "native/2level_lowbootmem_pse0.json", "native/2level_lowbootmem_pse1.json", nil},
		{"pse-ignored", "native/2level_lowbootmem_pse0.json", "native/2level_lowbootmem_pse1.json", []string{"pagesize", "tables", "holes"}},
		{"native-xen", "native/pae_nr_fixed1_pse0.json", "xen/xen_m2000_linear_nx1_hm0_z1.json", []string{"global"}},
	} {
		a, b := draw(t, read(t, goldens+x.a)), draw(t, read(t, goldens+x.b))
		var out, back bytes.Buffer
		if err := WriteDiff(&out, x.a, x.b, Diff(a, b, ignore(t, x.ignore...))); err != nil {
			t.Fatal(err)
		}
		compare(t, x.name+".diff", out.Bytes())
		if err := WriteDiff(&back, x.b, x.a, Diff(b, a, ignore(t, x.ignore...))); err != nil {
			t.Fatal(err)
		}
		if out.Len() != back.Len() {
			t.Errorf("%s: the other way round it is\n%s", x.name, back.Bytes())
		}
	}
}

func TestIgnoreWords(t *testing.T) {
	ignore(t, IgnoreWords()...)
	if _, err := ParseIgnore([]string{"frame"}); err == nil || !strings.Contains(err.Error(), `"frame"`) || !strings.Contains(err.Error(), "frames") {
		t.Error(err)
	}
}
