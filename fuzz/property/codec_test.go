package property_test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// anyEntry draws an entry: any bits at all, or such as tables hold.
func anyEntry() *rapid.Generator[model.Entry] {
	return rapid.OneOf(
		rapid.Map(rapid.Uint64(), func(n uint64) model.Entry { return model.Entry(n) }),
		rapid.Map(rapid.Uint64Range(0, 1<<22-1), func(n uint64) model.Entry { return model.Entry(n) | model.Present }),
		rapid.Just(model.Entry(0)))
}

// TestEntryCodec holds that an entry is its frame number and its flags, nothing
// else, and that its letters say all of its flags.
func TestEntryCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry().Draw(t, "entry")
		if got := model.MakeEntry(e.MFN(), e.Flags()); got != e {
			t.Fatalf("%#x put together again is %#x", e, got)
		}
		if other := model.MakeEntry(e.MFN()^1, e.Flags()); other.Flags() != e.Flags() || other.MFN() != e.MFN()^1 {
			t.Fatalf("%#x with another frame is %#x", e, other)
		}
		letters, rest, _ := strings.Cut(string(model.AppendFlags(nil, e)), "+0x")
		var flags model.Entry
		for i := range len(letters) {
			f, ok := model.ParseFlag(letters[i])
			if !ok || flags&f != 0 {
				t.Fatalf("%#x: letter %q of %q means nothing, or what another does", e, letters[i], letters)
			}
			flags |= f
		}
		if rest != "" {
			n, err := strconv.ParseUint(rest, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			flags |= model.Entry(n)
		}
		if flags != e.Flags() {
			t.Fatalf("%#x: the flags of its letters are %#x", e, flags)
		}
	})
}

// TestCallCodec holds that calls survive both of their notations.
func TestCallCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := kernel.Call{Kind: model.CallKind(rapid.IntRange(1, int(model.CallExit)).Draw(t, "kind"))}
		switch c.Kind {
		case model.CallMap:
			c.Arg = rapid.OneOf(rapid.Uint32Range(0, 1<<31-1), rapid.Just(uint32(kernel.AllLeaves))).Draw(t, "frame")
		case model.CallRange, model.CallSwitch:
			c.Arg = rapid.Uint32Range(0, 1).Draw(t, "which")
		case model.CallFixmap, model.CallAlias:
			c.Arg = rapid.Uint32Range(0, 1<<16-1).Draw(t, "index")
		}
		if got := kernel.CallOf(c.Code()); got != c {
			t.Fatalf("%v has the code %#x, which is %v", c, c.Code(), got)
		}
		if got, err := kernel.ParseCall(c.String()); err != nil || got != c {
			t.Fatalf("%q is read as %v: %v", c, got, err)
		}
	})
}

// unpacked returns a state of the same layout made of packed bytes.
func unpacked(t *rapid.T, l *model.Layout, packed []byte) *model.State {
	s := model.NewState(l)
	if rest := s.Unpack(append(slices.Clone(packed), 0xa5, 0x5a)); !bytes.Equal(rest, []byte{0xa5, 0x5a}) {
		t.Fatalf("unpacking %d bytes leaves %x behind, not the two that follow", len(packed), rest)
	}
	return s
}

// TestPackedMemory holds that any contents of memory survive packing, reachable or
// not.
func TestPackedMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 16).Draw(t, "slots")
		width := rapid.SampledFrom([]int{4, 8}).Draw(t, "width")
		geo, err := model.NewGeometry("random", width, slots, slots)
		if err != nil {
			t.Fatal(err)
		}
		const frames = 4
		l := &model.Layout{Geo: geo, Map: model.IdentityMap(frames)}
		s := model.NewState(l)
		for f := range model.Frame(frames) {
			for i := range geo.Slots[1] {
				s.SetEntry(geo, f, i, anyEntry().Draw(t, "entry"))
			}
		}
		s.CPU.CR3 = model.Frame(rapid.IntRange(-1, frames-1).Draw(t, "CR3"))
		s.CPU.CR4 = pick(t, "CR4", 0, model.CR4PAE, model.CR4PSE|model.CR4PGE)
		s.CPU.NXE, s.CPU.WP = rapid.Bool().Draw(t, "NXE"), rapid.Bool().Draw(t, "WP")
		s.Kernel.Phase = pick(t, "phase", model.PhaseBoot, model.PhaseStarted, model.PhaseDone, model.PhaseLoaded, model.PhaseZapped)
		s.Kernel.Second = model.Frame(rapid.IntRange(-1, frames-1).Draw(t, "second"))
		s.Kernel.BootmemNext = model.PFN(rapid.IntRange(0, 1<<20).Draw(t, "bootmem"))
		packed := s.AppendPacked(nil)
		u := unpacked(t, l, packed)
		for f := range model.Frame(frames) {
			for i := range geo.Slots[1] {
				if a, b := s.Entry(geo, f, i), u.Entry(geo, f, i); a != b {
					t.Fatalf("entry %d of frame %d is %#x before, %#x after", i, f, a, b)
				}
			}
		}
		if u.CPU != s.CPU || u.Kernel != s.Kernel {
			t.Fatalf("registers %+v %+v become %+v %+v", s.CPU, s.Kernel, u.CPU, u.Kernel)
		}
		if again := u.AppendPacked(nil); !bytes.Equal(again, packed) {
			t.Fatalf("packed %x, after unpacking %x", packed, again)
		}
	})
}

func pick[T any](t *rapid.T, name string, from ...T) T { return rapid.SampledFrom(from).Draw(t, name) }

// TestPackedLives holds that reachable states survive packing, records of the
// hypervisor, TLB and all: packing again gives the same bytes, and the life that
// goes on from the unpacked state is the same.
func TestPackedLives(t *testing.T) {
	for _, kind := range drawn.Kinds() {
		t.Run(kind.String(), rapid.MakeCheck(func(t *rapid.T) {
			d := drawer(t)
			life := begin(t, kind, d)
			for range d("calls", 1, 30) {
				code := life.Choose(d)
				before := life.Model.Encode(nil)
				if err := life.Do(code); err != nil {
					t.Fatal(err)
				}
				after := life.Model.Encode(nil)
				life.Model.Decode(before)
				if again := life.Model.Encode(nil); !bytes.Equal(again, before) {
					t.Fatalf("a state of %d bytes is another one after unpacking", len(before))
				}
				if err := life.Do(code); err != nil {
					t.Fatalf("after unpacking: %v", err)
				}
				if again := life.Model.Encode(nil); !bytes.Equal(again, after) {
					t.Fatalf("%v leads elsewhere after unpacking", kernel.CallOf(code))
				}
			}
		}))
	}
}

// TestPackedRecords holds that the hypervisor's records survive packing, those of
// tables with same-level entries too, whatever a guest has done.
func TestPackedRecords(t *testing.T) {
	for _, p := range profiles() {
		t.Run(p.Name, rapid.MakeCheck(func(t *rapid.T) {
			d := drawer(t)
			levels := d("levels", 2, 4)
			o := firstOwners(d("frames", levels+1, 7), levels, d("slots", 1, 2))
			g := newGuest(o, p, &finding{})
			for range d("operations", 1, 40) {
				drawOperation(o, p.Modern, d).Run(g)
			}
			packed := g.m.AppendPacked(nil)
			u := unpacked(t, g.m.L, packed)
			if again := u.AppendPacked(nil); !bytes.Equal(again, packed) {
				t.Fatalf("packed %x, after unpacking %x", packed, again)
			}
			for f := range model.Frame(g.m.L.Map.Frames()) {
				a, b := g.m.Info(f), u.Info(f)
				if a.T != b.T || a.G != b.G || a.Linear != b.Linear || a.T > 0 && (a.Typ != b.Typ || a.Flags != b.Flags) {
					t.Fatalf("the record of frame %d is %+v before, %+v after", f, a, b)
				}
				if !a.Is(model.Partial) && (a.NrValid != 0 || a.Is(model.PartialEntry)) {
					t.Fatalf("the record of frame %d, %+v, tells how far an audit came that is over", f, a)
				}
			}
		}))
	}
}
