package states

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
)

// TestLabelsAreOrdered compares labels with the places that they are made of.
func TestLabelsAreOrdered(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func() (places []uint64, label []byte) {
		for range 3 {
			p := r.Uint64() >> r.IntN(64)
			if r.IntN(2) == 0 {
				p = 0xf5 + r.Uint64N(6)
			}
			places, label = append(places, p), AppendPlace(label, p)
		}
		return places, label
	}
	for range 20000 {
		p, a := draw()
		q, b := draw()
		if bytes.Compare(a, b) != slices.Compare(p, q) {
			t.Fatalf("%v and %v: labels %x and %x", p, q, a, b)
		}
		if back, ok := Places(a); !ok || !slices.Equal(back, p) {
			t.Fatalf("%v: label %x gives %v", p, a, back)
		}
	}
	if _, ok := Places([]byte{0xff, 1}); ok {
		t.Error("a label that is cut off is one")
	}
}

// all reads a source.
func all(t *testing.T, s Source) (list []Entry) {
	t.Helper()
	for {
		e, ok, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return list
		}
		list = append(list, e.Clone())
	}
}

// TestMergeOfBatches compares what batches and known states give with a map.
func TestMergeOfBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		want := map[string]string{}
		var sources []Source
		for b := range 1 + r.IntN(4) {
			var batch Batch
			for parent := range 1 + r.IntN(20) {
				label := AppendPlace(AppendPlace(nil, uint64(b)), uint64(20*parent))
				for place := range r.IntN(300) {
					state := string(rune('a'+r.IntN(20))) + string(rune('a'+r.IntN(20)))
					batch.Add(label, place, []byte(state))
					l := string(AppendPlace(bytes.Clone(label), uint64(place)))
					if old, ok := want[state]; !ok || l < old {
						want[state] = l
					}
				}
			}
			packed, _ := batch.Pack()
			s, err := Unpack(packed)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, s)
		}
		known := Batch{}
		known.Add(nil, 0, []byte("bb"))
		want["bb"] = ""
		packed, _ := known.Pack()
		s, err := Unpack(packed)
		if err != nil {
			t.Fatal(err)
		}
		got := all(t, Merge(append(sources, bare{s})...))
		if !slices.IsSortedFunc(got, func(a, b Entry) int { return bytes.Compare(a.State, b.State) }) || len(got) != len(want) {
			t.Fatalf("%d states, want %d, in order", len(got), len(want))
		}
		for _, e := range got {
			if string(e.Label) != want[string(e.State)] {
				t.Fatalf("%s has label %x, want %x", e.State, e.Label, want[string(e.State)])
			}
		}
	}
}

// bare takes labels away.
type bare struct{ Source }

func (b bare) Next() (Entry, bool, error) {
	e, ok, err := b.Source.Next()
	return Entry{State: e.State}, ok, err
}

// TestDamagedFiles flips each bit of a file, and cuts it off everywhere: all of that is noticed.
func TestDamagedFiles(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	fs, err := filesystem.New(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := Create(ctx, fs, dir, "run")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if err := w.Add(Entry{State: []byte{1, byte(i), 3}, Label: []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	f, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, f.Name)
	good, err := os.ReadFile(name)
	if err != nil || int64(len(good)) != f.Bytes {
		t.Fatal(len(good), f.Bytes, err)
	}
	read := func(text []byte) error {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(ctx, fs, dir, f)
		if err != nil {
			return err
		}
		defer r.Close()
		return r.Drain()
	}
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	var damage *Damage
	for i := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if err := read(bad); !errors.As(err, &damage) {
			t.Errorf("bit %d: %v", i, err)
		}
		if err := read(good[:i/8]); !errors.As(err, &damage) {
			t.Errorf("%d bytes: %v", i/8, err)
		}
	}
	if err := read(append(bytes.Clone(good), 0)); !errors.As(err, &damage) {
		t.Errorf("a byte too many: %v", err)
	}
}
