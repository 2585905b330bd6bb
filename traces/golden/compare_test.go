package golden

import (
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

const (
	nativeSample = goldenDir + "/native/2level_nr_fixed1_pse0.json"
	zapSample    = goldenDir + "/xen/xen_m1234_affine_nx1_hm1_z1.json"
	paeSample    = goldenDir + "/odd/nativepae_oom.json"
	rejectSample = goldenDir + "/odd/xen_pse.json.gz"
)

// texts renders differences.
func texts(diffs []Difference) []string {
	var out []string
	for _, d := range diffs {
		out = append(out, d.String())
	}
	return out
}

func TestSelfCheck(t *testing.T) {
	for _, path := range longtest.Part(t, goldenFiles(t), 4) {
		f := mustRead(t, path)
		if diffs := f.Check(); len(diffs) > 0 {
			t.Errorf("%s: %v", path, texts(diffs))
		}
		if diffs := Compare(f, mustRead(t, path)); len(diffs) > 0 {
			t.Errorf("%s: differs from itself: %v", path, texts(diffs))
		}
	}
}

func TestCheckFindsStaleHash(t *testing.T) {
	f := mustRead(t, paeSample)
	f.Tables[0].Entries[0].Raw ^= 0x20
	f.Trace[1].Args[1] ^= 0x20
	f.Bootmem[0].PFN++
	got := texts(f.Check())
	for i, want := range []string{"hash: tables_sha256: want 6c74", "hash: reachable_sha256: want 0efc",
		"hash: trace_sha256: want 7c74", "bootmem: item[0]: want 0x15c pmd, got 0x15d pmd"} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Fatalf("got %q, want %q at %d", got, want, i)
		}
	}
}

// mutation is a change of a dump and the difference it must lead to.
type mutation struct {
	name, sample string
	change       func(f *File)
	want         []string // beginnings of all the differences
}

// tableMutations lists changes of tables.
func tableMutations() []mutation {
	return []mutation{
		{"entry", nativeSample, func(f *File) { f.Tables[1].Entries[12].Raw ^= 2 },
			[]string{"tables: L1 at 0x560000 slot 12: want 0xc163, got 0xc161"}},
		{"entry gone", nativeSample, func(f *File) { f.Tables[1].Entries = slices.Delete(f.Tables[1].Entries, 5, 6) },
			[]string{"tables: L1 at 0x560000 slot 5: want 0x5163, got 0x0"}},
		{"entry new", nativeSample, func(f *File) {
			f.Tables[0].Entries = slices.Insert(f.Tables[0].Entries, 3, Entry{5, 1})
		}, []string{"tables: L2 at 0x4f3000 slot 5: want 0x0, got 0x1"}},
		{"initial entry", nativeSample, func(f *File) { f.Initial[3].Entries[1023].Raw++ },
			[]string{"initial: L1 at 0x562000 slot 1023: want 0xbff007, got 0xbff008"}},
		{"table gone", nativeSample, func(f *File) { f.Tables = slices.Delete(f.Tables, 1, 2) },
			[]string{"tables: L1 at 0x560000: want this table, got none: it has 1024 entries"}},
		{"table new", nativeSample, func(f *File) { f.Tables = append(f.Tables, Table{PA: 0x700000, Level: 1, Width: 4}) },
			[]string{"tables: L1 at 0x700000: want none, got this table: it has 0 entries"}},
		{"reachable", nativeSample, func(f *File) { f.Tables[1].Reachable = false },
			[]string{"tables: L1 at 0x560000 reachable: want true, got false"}},
		{"width", nativeSample, func(f *File) { f.Tables[1].Width = 8 },
			[]string{"tables: L1 at 0x560000 width: want 4, got 8"}},
	}
}

// otherMutations lists changes of everything else.
func otherMutations() []mutation {
	return []mutation{
		{"bootmem gone", nativeSample, func(f *File) { f.Bootmem = slices.Delete(f.Bootmem, 3, 4) },
			[]string{"bootmem: item[3]: want 0x567 pte, got nothing", "bootmem: length: want 11, got 10"}},
		{"purpose", zapSample, func(f *File) { f.Bootmem[0].Purpose = PurposePMD },
			[]string{"bootmem: item[0]: want 0x56d pmd_copy, got 0x56d pmd"}},
		{"count", nativeSample, func(f *File) { f.Trace[2].Count-- },
			[]string{"trace: item[2]: want set_pte x 3072, got set_pte x 3071"}},
		{"operation new", nativeSample, func(f *File) { f.Trace = slices.Insert(f.Trace, 1, Op{Name: OpZap}) },
			[]string{"trace: item[1]: want nothing, got zap", "trace: length"}},
		{"argument", zapSample, func(f *File) { f.Trace[3].Args[1]++ },
			[]string{"trace: item[3]: want set_pgd 0x4f3018 0x205e4001, got set_pgd 0x4f3018 0x205e4002"}},
		{"trace hash", nativeSample, func(f *File) { f.Hash.Trace = f.Hash.Tables },
			[]string{"hash: trace_sha256: want bbf698e1b6d91c1ef296020c79499024baa1230717e86173763cd2f954b3901a, got 37ff79dd1ef979b6fee54ad73da115a815624927a4b943ccc1a7620e4d94c2f2: the folded lists agree"}},
		{"tables hash", nativeSample, func(f *File) { f.Hash.Tables = f.Hash.Trace }, []string{"hash: tables_sha256: want 37ff"}},
		{"reachable hash", nativeSample, func(f *File) { f.Hash.Reachable = "" }, []string{"hash: reachable_sha256: want 37ff79dd1ef979b6fee54ad73da115a815624927a4b943ccc1a7620e4d94c2f2, got none"}},
		{"initial hash", nativeSample, func(f *File) { f.Hash.Initial = "" }, []string{"hash: initial_sha256: want 051d"}},
		{"prezap hash", zapSample, func(f *File) { f.Hash.PrezapTables = "" }, []string{"hash: prezap_tables_sha256: want bbda"}},
		{"prezap reachable hash", zapSample, func(f *File) { f.Hash.PrezapReachable = "" }, []string{"hash: prezap_reachable_sha256: want 32a8"}},
		{"cr4", nativeSample, func(f *File) { f.CR4Set = 0x90 }, []string{"cr4_set: want 0x80, got 0x90"}},
		{"outcome", paeSample, func(f *File) { f.Outcome = "ok" }, []string{`outcome: want "panic Out of memory", got "ok"`}},
		{"outcome text", paeSample, func(f *File) { f.Outcome = "panic no memory" }, nil},
		{"residue", paeSample, func(f *File) { f.RootResidue[0].Raw++ }, []string{"root_residue: word 768: want 0x158007, got 0x158008"}},
		{"residue gone", paeSample, func(f *File) { f.RootResidue = nil },
			[]string{"root_residue: word 768", "root_residue: word 769", "root_residue: word 770"}},
		{"config", zapSample, func(f *File) { f.Config.NX = false }, []string{"config: nx: want 1, got 0"}},
		{"reject text", rejectSample, func(f *File) {
			f.Trace[len(f.Trace)-1].Text = "other words"
		}, []string{"hash: trace_sha256: cannot be compared: the hv_reject texts differ"}},
	}
}

func TestCompareMutations(t *testing.T) {
	for _, m := range append(tableMutations(), otherMutations()...) {
		want, got := mustRead(t, m.sample), mustRead(t, m.sample)
		m.change(got)
		diffs := texts(Compare(want, got))
		if !slices.EqualFunc(diffs, m.want, strings.HasPrefix) {
			t.Errorf("%s: got %q, want %q", m.name, diffs, m.want)
		}
	}
}

// TestCompareEveryEntry flips each entry of a dump and expects each flip to be
// found where it is.
func TestCompareEveryEntry(t *testing.T) {
	want, got := mustRead(t, zapSample), mustRead(t, zapSample)
	for i := range got.Tables {
		for j := range got.Tables[i].Entries {
			e := &got.Tables[i].Entries[j]
			e.Raw ^= 0x200
			diffs := compareTable("tables", &want.Tables[i], &got.Tables[i])
			if len(diffs) != 1 || diffs[0].Got != hexText(e.Raw) {
				t.Fatalf("table %d entry %d: %q", i, j, texts(diffs))
			}
			e.Raw ^= 0x200
		}
	}
}

func TestCompareIsBounded(t *testing.T) {
	want, got := mustRead(t, nativeSample), mustRead(t, nativeSample)
	got.Tables[1].Entries = nil
	diffs := texts(Compare(want, got))
	if len(diffs) != maxPerTable+1 || diffs[maxPerTable] != "tables: L1 at 0x560000: ... and 1016 more entries" {
		t.Errorf("got %q", diffs)
	}
	for i := range 100 {
		got.Tables = append(got.Tables, Table{PA: 0x10000000 + uint64(i)*PageSize, Level: 1, Width: 4})
	}
	diffs = texts(Compare(want, got))
	if last := diffs[len(diffs)-1]; last != "tables: ... and 69 more tables" {
		t.Errorf("got %q", last)
	}
}

// rejectTrace is the full trace of rejectSample with a given reject text.
func rejectTrace(text string) *Trace {
	var tr Trace
	tr.SetupStart()
	tr.Bootmem(0x570, PurposePMDCopy)
	tr.UpdateVA(0xc0570000, 0x200a7021)
	tr.SetPGD(0x4f3018, 0x200a7001)
	tr.UpdateVA(0xc04f5000, 0x20130021)
	tr.UpdateVA(0xc04f3000, 0x21cc6021)
	tr.NewBaseptr(0x21cc6)
	tr.HVReject(text)
	return &tr
}

// TestCompareRejectText compares a dump made here, whose reject text is in
// other words, with the file.
func TestCompareRejectText(t *testing.T) {
	want, got := mustRead(t, rejectSample), mustRead(t, rejectSample)
	got.FullTrace = rejectTrace("a superpage in an L2")
	got.Seal()
	if got.Hash.Trace == want.Hash.Trace {
		t.Fatal("the text does not enter the hash")
	}
	if diffs := Compare(want, got); len(diffs) > 0 {
		t.Errorf("got %q", texts(diffs))
	}
	got.FullTrace.LoadCR3(0)
	got.Seal()
	if diffs := Compare(want, got); len(diffs) == 0 {
		t.Error("a line after the reject is not found")
	}
}
