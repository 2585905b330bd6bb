package lab

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

const recordings = "../../testdata/xen-lab"

// recording is a script and what a real guest printed for it.
type recording struct {
	name  string
	src   []byte
	want  []string
	guest Config
}

// allRecordings reads every script that has its answers beside it.
func allRecordings(t testing.TB) []recording {
	t.Helper()
	var all []recording
	outs, err := filepath.Glob(filepath.Join(recordings, "*", "*.out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range outs {
		r := recording{name: strings.TrimSuffix(out, ".out")}
		if r.src, err = os.ReadFile(r.name + ".txt"); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		r.want = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		f, _ := script.Parse(r.name, r.src)
		f.Recording = r.want
		if r.guest, err = ConfigOf(f); err != nil {
			t.Fatal(err)
		}
		r.name, _ = filepath.Rel(recordings, r.name)
		all = append(all, r)
	}
	if len(all) < 10 {
		t.Fatalf("%d recordings under %s", len(all), recordings)
	}
	return all
}

// TestRecordings replays each recording; every line must be the same.
func TestRecordings(t *testing.T) {
	for _, r := range allRecordings(t) {
		t.Run(r.name, func(t *testing.T) {
			got, err := Run(r.guest, r.src)
			if err != nil {
				t.Fatal(err)
			}
			if r.guest.Guest != model.Dom0 {
				hidePlacement(got.Lines)
				hidePlacement(r.want)
			}
			for i, d := range differences(got.Lines, r.want) {
				if i == 10 {
					t.Error("... and more")
					break
				}
				t.Error(d)
			}
		})
	}
}

// hidePlacement takes the numbers of machine frames out of the description of the start
// of day. Where Xen puts the memory of a domain that dom0 starts is not known here; no
// answer shows it.
func hidePlacement(lines []string) {
	number := regexp.MustCompile(`m0x[0-9a-f]+`)
	for i, l := range lines {
		if strings.HasPrefix(l, "I b") {
			lines[i] = number.ReplaceAllString(l, "m")
		}
	}
}

// differences returns the lines that differ, with both texts.
func differences(got, want []string) []string {
	var all []string
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			all = append(all, "\n got "+g+"\nwant "+w)
		}
	}
	return all
}

// TestIdealDiffersByLeaksOnly replays the hand-written scenarios without Xen's
// defects: the answers differ in the three scenarios about lost references, and
// nowhere else.
func TestIdealDiffersByLeaksOnly(t *testing.T) {
	leaks := map[string]int{"scenarios/table64": 77, "scenarios/table32": 19}
	for _, r := range allRecordings(t) {
		first, ok := leaks[r.name]
		if !ok {
			continue
		}
		play, err := Run(Config{Bits: r.guest.Bits, Profile: model.Ideal()}, r.src)
		if err != nil {
			t.Fatal(err)
		}
		got := play.Lines
		scenario, differ := 0, 0
		for i := range r.want {
			if title, ok := strings.CutPrefix(r.want[i], "T "); ok {
				scenario = int(title[0]-'0')*10 + int(title[1]-'0')
			}
			if got[i] == r.want[i] {
				continue
			}
			differ++
			if scenario < first || scenario > 78 {
				t.Errorf("%s, scenario %d\n got %s\nwant %s", r.name, scenario, got[i], r.want[i])
			}
		}
		if differ == 0 {
			t.Errorf("%s: no difference", r.name)
		}
	}
}

// TestScriptsAgreeWithCensus recounts all references after each operation of each
// recorded script.
func TestScriptsAgreeWithCensus(t *testing.T) {
	for _, r := range longtest.Part(t, allRecordings(t), 4) {
		t.Run(r.name, func(t *testing.T) {
			g, err := New(Config{Bits: r.guest.Bits, Profile: model.Ideal(), Script: len(r.src)})
			if err != nil {
				t.Fatal(err)
			}
			f, err := script.Parse(r.name, r.src)
			if err != nil {
				t.Fatal(err)
			}
			var c model.Census
			for i := range f.Lines {
				g.Line(&f.Lines[i], i+1)
				if err := c.Check(g.M.State); err != nil {
					t.Fatalf("line %d, %s: %v", i+1, f.Lines[i].Raw, err)
				}
			}
		})
	}
}
