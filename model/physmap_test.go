package model

import (
	"math/rand/v2"
	"testing"
)

func TestIdentityMap(t *testing.T) {
	p := IdentityMap(5)
	if p.Frames() != 5 || p.Guest() != 5 || p.MFN(3) != 3 || p.Frame(4) != 4 {
		t.Errorf("%+v", p)
	}
	for _, m := range []MFN{5, 1 << 40} {
		if f := p.Frame(m); f != NoFrame {
			t.Errorf("machine frame %#x is frame %d", m, f)
		}
	}
	if p.IsGuest(NoFrame) || p.IsGuest(5) || !p.IsGuest(0) {
		t.Error("wrong frames are the guest's")
	}
}

// TestPhysMapIsBijective checks random maps, close together and far apart, both
// ways and beyond their ends.
func TestPhysMapIsBijective(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, end := range []MFN{1 << 20, 1 << 23, 1 << 39} { // in one piece, in many, too far for a table
		for range 30 {
			mfns := make([]MFN, 2+rng.IntN(30))
			for i, n := range rng.Perm(100)[:len(mfns)] {
				mfns[i] = MFN(n) + 1<<20
			}
			if end > 1<<20 {
				mfns[0], mfns[len(mfns)-1] = 0, end
			}
			guest := 1 + rng.IntN(len(mfns)-1)
			p, err := NewPhysMap(mfns[:guest], mfns[guest:])
			if err != nil {
				t.Fatal(err)
			}
			used := map[MFN]bool{}
			for f, m := range mfns {
				used[m] = true
				if p.MFN(Frame(f)) != m || p.Frame(m) != Frame(f) || p.IsGuest(Frame(f)) != (f < guest) {
					t.Fatalf("frame %d of %v, %d the guest's: MFN %#x, back %d, guest %t", f, mfns, guest, p.MFN(Frame(f)), p.Frame(m), p.IsGuest(Frame(f)))
				}
			}
			for m := MFN(1<<20 - 10); m < 1<<20+110; m++ {
				if !used[m] && p.Frame(m) != NoFrame {
					t.Fatalf("machine frame %#x, which is not in %v, is frame %d", m, mfns, p.Frame(m))
				}
			}
			if p.Frames() != len(mfns) || p.Guest() != guest {
				t.Fatalf("%d frames, %d the guest's", p.Frames(), p.Guest())
			}
		}
	}
}

func TestPhysMapRefuses(t *testing.T) {
	for _, x := range []struct {
		name         string
		guest, extra []MFN
	}{
		{"nothing", nil, nil},
		{"a machine frame twice", []MFN{5, 6, 5}, nil},
		{"an extra frame that is the guest's", []MFN{5, 6}, []MFN{6}},
		{"twice, far apart", []MFN{0, 1 << 39, 0}, nil},
	} {
		if _, err := NewPhysMap(x.guest, x.extra); err == nil {
			t.Errorf("%s is accepted", x.name)
		}
	}
}
