package drive

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/hostile"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestBootBytes drives the boot systems by random bytes: nothing goes wrong,
// every input means as many calls as it has room for, and its calls encode to an
// input that makes the same calls.
func TestBootBytes(t *testing.T) {
	for _, make := range []struct {
		backend *kernel.Backend
		open    func(*kernel.Backend, kernel.Options) (*Boot, error)
	}{{boot.Native(), NewBoot}, {boot.Xen(), NewBoot}, {boot.Native(), NewBooted}, {boot.Xen(), NewBooted}} {
		b, err := make.open(make.backend, kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 1))
		kinds := map[model.CallKind]bool{}
		for range 300 {
			in := randomBytes(r, 1+2*r.IntN(30))
			if o := b.Run(in); o.Kind != explore.Moved {
				init, calls := b.Path()
				t.Fatalf("%s: start %d, %v: %s", make.backend.Name, init, calls, b.Broken(o))
			}
			init, calls := b.Path()
			if n := len(calls) - b.leadOf(init); n != len(in)/2 {
				t.Errorf("%s: %d bytes are %d calls", make.backend.Name, len(in), n)
			}
			for _, c := range calls {
				kinds[c.Kind] = true
			}
			again, ok := b.Encode(init, calls)
			if !ok {
				t.Fatalf("%s: %v has no input", make.backend.Name, calls)
			}
			b.Run(again)
			if i, c := b.Path(); i != init || !slices.Equal(c, calls) {
				t.Errorf("%s: %v comes back as %v", make.backend.Name, calls, c)
			}
		}
		if len(kinds) < 10 {
			t.Errorf("%s: only the calls %v", make.backend.Name, kinds)
		}
	}
}

func (b *Boot) leadOf(init int) int {
	if b.lead == nil {
		return 0
	}
	return len(b.lead[init])
}

// TestGuestBytes does the same with hostile guests.
func TestGuestBytes(t *testing.T) {
	g, err := NewGuest(systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	ops := map[uint8]bool{}
	for range 2000 {
		in := randomBytes(r, 1+2*r.IntN(40))
		if o := g.Run(in); o.Kind != explore.Moved {
			s, path := g.Path()
			t.Fatalf("%v: %v: %s", s, path, pvdp.Rules()[o.Rule])
		}
		s, path := g.Path()
		for _, o := range path {
			ops[o.Op] = true
		}
		if len(path) != len(in)/2 {
			t.Errorf("%d bytes are %d operations", len(in), len(path))
		}
		if len(path) > 5 {
			continue // encoding is slow
		}
		again, ok := g.Encode(s, path)
		if !ok {
			t.Fatalf("%v has no input", path)
		}
		g.Run(again)
		if s2, p2 := g.Path(); s2 != s || !slices.Equal(p2, path) {
			t.Errorf("%v comes back as %v", path, p2)
		}
	}
	if len(ops) != len(pvdp.OpNames()) {
		t.Errorf("only %d of %d operations", len(ops), len(pvdp.OpNames()))
	}
}

// TestSearchedBytes does the same with the searches of the hostile guest: each of them is chosen,
// nothing goes wrong, and what was done encodes to an input that does it again.
func TestSearchedBytes(t *testing.T) {
	d, err := NewSearched(hostile.System(), nil, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	chosen, again := map[int]bool{}, 0
	for range 2000 {
		in := randomBytes(r, 1+2*r.IntN(40))
		if o := d.Run(in); o.Kind != explore.Moved {
			t.Fatalf("%s: %v: %v", d.list[d.now].Part, d.path, o)
		}
		chosen[d.now] = true
		n, path := d.now, slices.Clone(d.path)
		s, err := d.Scenario()
		if err != nil {
			t.Fatal(err)
		}
		seed, ok := d.Seed(&systems.File{Scenario: s})
		if !ok {
			t.Fatalf("%s: %v has no input", d.list[n].Part, path)
		}
		if d.Run(seed); d.now == n { // another search may start alike, and have the operations
			if again++; !slices.Equal(d.path, path) {
				t.Errorf("%s: %v comes back as %v", d.list[n].Part, path, d.path)
			}
		}
	}
	if len(chosen) != len(d.list) || again < 1000 {
		t.Errorf("%d of %d searches, %d came back in the same", len(chosen), len(d.list), again)
	}
}

// TestNoAllocation holds that inputs are carried out without allocating.
func TestNoAllocation(t *testing.T) {
	b, err := NewBoot(boot.Xen(), kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGuest(systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	in := randomBytes(rand.New(rand.NewPCG(2, 3)), 61)
	in[0] = 0
	b.Run(in)
	g.Run(in)
	if n := testing.AllocsPerRun(100, func() { b.Run(in) }); n > 0 {
		t.Errorf("boot: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { g.Run(in) }); n > 0 {
		t.Errorf("guest: %v allocations", n)
	}
	d, err := NewSearched(hostile.System(), nil, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	d.Run(in)
	if n := testing.AllocsPerRun(100, func() { d.Run(in) }); n > 0 {
		t.Errorf("hostile guest: %v allocations", n)
	}
}

func BenchmarkNative(b *testing.B) { benchBoot(b, boot.Native(), NewBoot) }
func BenchmarkXen(b *testing.B)    { benchBoot(b, boot.Xen(), NewBoot) }
func BenchmarkLife(b *testing.B)   { benchBoot(b, life.Both(), NewBooted) }

func benchBoot(b *testing.B, backend *kernel.Backend, open func(*kernel.Backend, kernel.Options) (*Boot, error)) {
	d, err := open(backend, kernel.Options{})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	in := randomBytes(r, 41)
	for b.Loop() {
		in[0]++
		d.Run(in)
	}
}

func BenchmarkGuest(b *testing.B) {
	g, err := NewGuest(systems.Change{})
	if err != nil {
		b.Fatal(err)
	}
	in := randomBytes(rand.New(rand.NewPCG(1, 1)), 41)
	for b.Loop() {
		in[0]++
		g.Run(in)
	}
}
