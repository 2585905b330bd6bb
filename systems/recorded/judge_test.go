package recorded

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ptcheck/ptcheck/internal/seeds"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

const folder = "../../testdata/recordings/"

// file opens a file again and again.
func file(path string) Opener { return func() (io.ReadCloser, error) { return os.Open(path) } }

// text opens a text again and again.
func text(b []byte) Opener {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// plain is a recording that comes with ptcheck, uncompressed.
func plain(t testing.TB, name string) []byte {
	t.Helper()
	in, err := os.Open(folder + name + ".rec.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func judge(t testing.TB, name string, open Opener) *Judgement {
	t.Helper()
	j, err := Judge(name, open)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// known are the rules that recorded kernels break: what is wrong with them is true.
var known = map[string][]string{
	"686-pae": {"user-no-execute"}, // its memory of user mode never has NX
}

// TestRecordings judges the boots that come with ptcheck. Each rule is exercised by one of
// them, and no rule speaks that is not known to.
func TestRecordings(t *testing.T) {
	files, err := filepath.Glob(folder + "*.rec.gz")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	exercised := map[string]uint64{}
	for _, path := range files {
		j := judge(t, path, file(path))
		short := strings.TrimSuffix(filepath.Base(path), ".rec.gz")
		if !j.Complete() {
			t.Errorf("%s: %s", short, j.Completeness())
		}
		if short == "xen-dom0" {
			asXen(t, j)
		}
		var broken []string
		for _, r := range j.Rules {
			exercised[r.Rule.ID] += r.Exercised
			if r.Broken > 0 {
				broken = append(broken, r.Rule.ID)
			}
		}
		if got, want := strings.Join(broken, " "), strings.Join(known[short], " "); got != want {
			t.Errorf("%s: breaks %q, want %q", short, got, want)
			for _, f := range j.Findings {
				t.Logf("%s: %s", f.Rule, f.Detail)
			}
		}
	}
	for _, r := range invariants.TraceRules() {
		if exercised[r.ID] == 0 {
			t.Errorf("%s is exercised by no recording", r.ID)
		}
	}
	for _, r := range Rules() {
		if exercised[r.ID] == 0 && r.ID != "records-agree" { // see TestRecordsOfXen
			t.Errorf("%s is exercised by no recording", r.ID)
		}
	}
}

// TestSameVerdict renders the verdict on a recording in every format, twice: the same bytes,
// of a file and of its text.
func TestSameVerdict(t *testing.T) {
	const name = "686-pae.rec.gz"
	render := func(open Opener) string {
		var b bytes.Buffer
		r := reports.New("test", judge(t, name, open).Run())
		for _, f := range reports.Formats() {
			if err := f.Write(&b, r, false); err != nil {
				t.Fatal(err)
			}
		}
		return b.String()
	}
	first := render(file(folder + name))
	if render(file(folder+name)) != first || render(text(plain(t, "686-pae"))) != first {
		t.Error("two verdicts on a recording differ")
	}
	for _, want := range []string{"violated: user-no-execute", "all 12 writable pages of user mode", "switch_mm_irqs_off+0x222", "f2cd2[511]"} {
		if !strings.Contains(first, want) {
			t.Errorf("the report does not contain %q", want)
		}
	}
}

// TestFindingFitsSchemas holds a finding against the published schema and that of SARIF,
// with and without lines of the source.
func TestFindingFitsSchemas(t *testing.T) {
	in := plain(t, "686-pae")
	lined := append(bytes.Clone(in), "lines 2\nc106c8d2 inlined 7 arch/x86/mm/tlb.c\nc106c8d2 switch_mm_irqs_off 9 arch/x86/mm/tlb.c\n"...)
	for format, path := range map[string]string{"json": "../../docs/report.schema.json", "sarif": "../../reports/testdata/sarif-2.1.0-rtm.5.json"} {
		schema, err := jsonschema.NewCompiler().Compile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := reports.FindFormat(format)
		if err != nil {
			t.Fatal(err)
		}
		for _, src := range [][]byte{in, lined} {
			var b bytes.Buffer
			if err := f.Write(&b, reports.New("test", judge(t, "x", text(src)).Run()), false); err != nil {
				t.Fatal(err)
			}
			v, err := jsonschema.UnmarshalJSON(&b)
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
	}
}

// TestNeedsItsOwnTables says of a recording that its processor needs the split: its kernel
// did not make it.
func TestNeedsItsOwnTables(t *testing.T) {
	src := bytes.Replace(plain(t, "amd64"), []byte("# smp 1\n"), []byte("# smp 1\n# bugs spectre_v1 cpu_meltdown\n"), 1)
	j := judge(t, "x", text(src))
	if len(j.Findings) != 1 || j.Findings[0].Rule != "user-kernel-split" {
		t.Errorf("%s", j.Summary())
	}
}

// TestMissedStores wants no verdict where the recorder says that it missed stores.
func TestMissedStores(t *testing.T) {
	src := plain(t, "686")
	at := bytes.Index(src, []byte("# end "))
	bad := append(append(bytes.Clone(src[:at]), "? end 1e74 301 0 1\n"...), bytes.Replace(src[at:], []byte("differences 0"), []byte("differences 1"), 1)...)
	j := judge(t, "x", text(bad))
	if j.Complete() || j.Verdict() != reports.Stopped || !strings.Contains(j.Completeness(), "1 differences in 8 comparisons: stores were missed") {
		t.Errorf("%s: %s", j.Verdict(), j.Completeness())
	}
}

// head is the beginning of a small recording.
const head = "ptcheck-recording 1\n# arch amd64\n# memory 1048576\n# smp 1\ne820 0 100000 usable\n"

// TestBadEvents wants file, line and reason of events that no machine can have made.
func TestBadEvents(t *testing.T) {
	for _, x := range []struct{ events, want string }{
		{"T 4 1 root 0\n", "a:6: a table while paging is off"},
		{"M 4\nT 5 1 root 0\n", "a:7: a table of level 5, with 4 levels"},
		{"M 4\nT 4 ffffffffffff root 0\n", "a:7: no machine has a frame"},
		{"M 4\ne 0 1 0\n", "a:7: a run of entries without a table"},
		{"M 3\nT 2 1 0\ne 3f0 1 0\n", "a:8: the run ends behind the table"},
		{"M 4\nT 4 1 root 0\nS 0 1 200 0 0 8 4 0\n", "a:8: a table has no slot 200"},
		{"M 4\nT 4 1 root 0\nS 0 1 1 3 0 8 4 0\n", "a:8: entry 1 of frame 1 was 3, by what the recording says before it is 0"},
		{"S 0 1 1 3 0 8 4 0\n", "a:6: a table while paging is off"},
	} {
		_, err := Judge("a", text(fmt.Appendf(nil, "%s%s# end stores %d checks 1\nsymbols 0\n", head, x.events, strings.Count(x.events, "S "))))
		var e *kernel.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), x.want) {
			t.Errorf("%q: %v, want %q", x.events, err, x.want)
		}
	}
}

// FuzzJudge judges anything: no panic, and an error that names the line.
func FuzzJudge(f *testing.F) {
	if seeds.Here() {
		lines := bytes.SplitAfter(plain(f, "686-pae"), []byte("\n"))
		seeds.Add(f, append(bytes.Join(lines[:300], nil), "# end stores 0 checks 1\nsymbols 0\n"...))
	}
	seeds.Add(f, []byte(head+"M 4\nT 4 1 root 0\ne 0 1 2063\nT 3 2 0\nC 0 3 1000 80000011 20 500\nS 0 1 1 0 3 8 4 0\nR 2 3\n# end stores 1 controls 1 checks 1\nsymbols 0\n"))
	seeds.Add(f, []byte(head+"M 5\nT 5 1 root 0\nL 1 5 4\nD 1\nP 0\nI 0 0 ?\n# end flushes 2 checks 1\nsymbols 0\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, err := Judge("fuzz", text(in))
		var e *kernel.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%v is no *kernel.Error", err)
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	for _, name := range []string{"amd64", "686", "686-pae", "xen-dom0"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				judge(b, name, file(folder+name+".rec.gz"))
			}
		})
	}
}

// TestSkippedFlushes takes flushes out of a boot: the code is named that changed an entry
// before them.
func TestSkippedFlushes(t *testing.T) {
	lines := bytes.SplitAfter(plain(t, "amd64"), []byte("\n"))
	for _, x := range []struct {
		name, total, function string
		skip                  func(i int, line []byte) bool
	}{
		{"those of single pages", kernel.TotalFlushes, "set_pte+", func(_ int, line []byte) bool { return line[0] == 'I' }},
		{"those of everything by CR4, late", kernel.TotalControls, "__change_page_attr_set_clr+", func(i int, line []byte) bool {
			return i > 115000 && line[0] == 'C' && bytes.Fields(line)[2][0] == '4'
		}},
	} {
		var out bytes.Buffer
		skipped := 0
		for i, line := range lines {
			switch {
			case len(line) > 0 && x.skip(i, line):
				skipped++
			case bytes.HasPrefix(line, []byte("# end ")):
				fields := strings.Fields(string(line))
				for k := 2; k < len(fields); k += 2 {
					if n := 0; fields[k] == x.total {
						fmt.Sscan(fields[k+1], &n)
						fields[k+1] = fmt.Sprint(n - skipped)
					}
				}
				fmt.Fprintln(&out, strings.Join(fields, " "))
			default:
				out.Write(line)
			}
		}
		j := judge(t, "x", text(out.Bytes()))
		if skipped == 0 || len(j.Findings) == 0 || j.Findings[0].Rule != "changes-flushed" || !strings.HasPrefix(j.Findings[0].Site().Function, x.function) {
			t.Errorf("%s: %s", x.name, j.Summary())
		}
	}
}

// TestPagingOffCachesNothing lets one processor flush an entry that is then made another one:
// it matters to the second one only while its paging is on.
func TestPagingOffCachesNothing(t *testing.T) {
	const (
		smp    = "ptcheck-recording 1\n# arch amd64\n# memory 1048576\n# smp 2\ne820 0 100000 usable\n"
		tables = "M 4\nT 4 1 root 0\ne 0 1 2063\nT 3 2 0\ne 0 1 3063\nT 2 3 0\ne 0 1 4063\nT 1 4 0\ne 5 1 8063\n"
		first  = "C 0 3 1000 80000011 20 500\nV 1\n"
		change = "V 0\nS 0 4 5 8063 0 8 1 ffff888000004028\nI 0 5000\nS 0 4 5 0 9063 8 1 ffff888000004028\n"
		end    = "# end stores 2 controls 2 flushes 1 checks 1\nsymbols 0\n"
	)
	for _, x := range []struct {
		name, second string
		want         bool
	}{
		{"on", "C 0 3 1000 80000011 20 500\n", true},
		{"off", "C 0 3 1000 11 20 500\n", false},
	} {
		j, err := Judge("a", text([]byte(smp+tables+first+x.second+change+end)))
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(j.Rules, func(r RuleCount) bool { return r.Rule.ID == "changes-flushed" && r.Broken > 0 })
		if found != x.want {
			t.Errorf("paging %s: changes-flushed speaks: %v, want %v", x.name, found, x.want)
		}
	}
}
