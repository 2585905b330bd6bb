package fuzz_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/corpus"
	"github.com/ptcheck/ptcheck/internal/seeds"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/traces/golden"
	"github.com/ptcheck/ptcheck/traces/golden/record"
)

// FuzzScenario parses and prints scenarios: printing is stable, loses no
// operation and adds no mistake.
func FuzzScenario(f *testing.F) {
	names, err := corpus.Files("corpus")
	if err != nil && seeds.Here() {
		f.Fatal(err)
	}
	seeds.Files(f, 0, append(names, "../testdata/xen-lab/scenarios/table64.txt")...)
	seeds.Add(f, []byte("versi\x80\xff 1\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		a, errA := script.Parse("a", src)
		if errA != nil && len(a.Lines) == 0 {
			return // no script at all: there is nothing to print
		}
		once := script.Format(a)
		b, errB := script.Parse("a", once)
		if (errA == nil) != (errB == nil) {
			t.Fatalf("%v, printed: %v\n%s", errA, errB, once)
		}
		if twice := script.Format(b); !bytes.Equal(once, twice) {
			t.Fatalf("printed:\n%q\nprinted again:\n%q", once, twice)
		}
		same := slices.EqualFunc(a.Lines, b.Lines, func(x, y script.Line) bool {
			if (x.Op == nil) != (y.Op == nil) || x.Op != nil && x.Op.Spec != nil && x.Op.String() != y.Op.String() {
				return false
			}
			return x.Title == y.Title && x.IsTitle == y.IsTitle && x.Want == y.Want && x.HasWant == y.HasWant
		})
		if !same {
			t.Fatalf("printing changes\n%q\nto\n%q", src, once)
		}
	})
}

// FuzzGoldenConfig reads configurations of golden dumps: whatever is accepted
// writes back and reads as the same, whatever is refused says where, and a small
// machine can be booted or is refused, without a panic of ours.
func FuzzGoldenConfig(f *testing.F) {
	for _, pattern := range []string{"../testdata/goldens/*/*.json", "../testdata/goldens/*/*.json.gz"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for i := 0; i < len(names); i += 8 { // a cross-section
			file, err := golden.Read(names[i])
			if err != nil {
				continue // some are odd on purpose
			}
			var b bytes.Buffer
			if err := file.Config.WriteJSON(&b); err != nil {
				f.Fatal(err)
			}
			seeds.Add(f, b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := golden.ReadConfig("a", data)
		if err != nil {
			var e *golden.Error
			if !errors.As(err, &e) {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		var b bytes.Buffer
		if err := c.WriteJSON(&b); err != nil {
			t.Fatalf("accepted, but cannot be written: %v", err)
		}
		d, err := golden.ReadConfig("b", b.Bytes())
		if err != nil || !c.Equal(d) {
			t.Fatalf("comes back as %+v, %v; was %+v", d, err, c)
		}
		const small = 512 // frames: a boot takes less than a millisecond
		if c.MaxLowPFN <= small && c.NrFixed <= small && c.LastPkmap <= small && c.InitMapBeyondEnd < small<<12 {
			record.Run("a", c, record.Options{NoDump: true})
		}
	})
}
