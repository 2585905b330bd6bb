package model

import (
	"math/rand/v2"
	"testing"
)

func TestEarlyMapRanges(t *testing.T) {
	e := EarlyMap{RAM: []FrameRange{{0, 4}, {6, 9}}, Extra: FrameRange{9, 11}}
	for p := range PFN(13) {
		ram := p < 4 || p >= 6 && p < 9
		if e.IsRAM(p) != ram || e.Listed(p) != (ram || p == 9 || p == 10) {
			t.Errorf("frame %d: RAM %t, listed %t", p, e.IsRAM(p), e.Listed(p))
		}
	}
	if n := e.RAM[1].Len(); n != 3 {
		t.Errorf("%d frames, want 3", n)
	}
}

// TestTableBufferPacked checks that every field survives packing, and that two
// different buffers never pack alike.
func TestTableBufferPacked(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	p := func() PFN { return PFN(rng.Uint64N(200)) }
	set := func() FrameSet { return FrameSet{low: rng.Uint64()} }
	seen := map[string]TableBuffer{}
	for range 2000 {
		b := TableBuffer{Start: p(), End: p(), Top: p(), MinMapped: p(), MaxMapped: p(), BrkEnd: p(), LastStart: p(), RealEnd: p(),
			Step: p(), Size: p(), FixTable: p(), Reserved: set(), Data: set(), Tables: set(),
			Range: uint8(p()), Mapped: uint8(p()), Windows: uint8(p()), Flags: BufferFlags(rng.Uint64())}
		packed := b.pack(nil, false)
		var back TableBuffer
		if rest := back.unpack(append(packed, 7), false); back != b || len(rest) != 1 {
			t.Fatalf("%+v comes back as %+v, %d bytes left", b, back, len(rest))
		}
		if o, ok := seen[string(packed)]; ok && o != b {
			t.Fatalf("%+v and %+v pack alike", o, b)
		}
		seen[string(packed)] = b
	}
}
