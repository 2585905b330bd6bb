package recorded

import (
	"os"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// booted is a machine at the end of a recording, to which more can happen.
type booted struct {
	*machine
	t      *testing.T
	line   int
	broken map[string]int
}

// boot replays a recording up to its end.
func boot(t *testing.T, name string) *booted {
	t.Helper()
	in, err := os.Open(folder + name + ".rec.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, err := kernel.NewReader(name, in)
	if err != nil {
		t.Fatal(err)
	}
	b := &booted{t: t, broken: map[string]int{}}
	b.machine = newMachine(r, base[name], func(f *invariants.TraceFinding) { b.broken[f.Rule.ID]++ })
	var e kernel.Event
	for err = r.Next(&e); err == nil; err = r.Next(&e) {
		if err := b.event(&e); err != nil {
			t.Fatal(err)
		}
	}
	b.release()
	b.line = r.Line()
	if len(b.broken) > 0 {
		t.Fatalf("%s breaks %v before anything is broken", name, b.broken)
	}
	return b
}

// happens carries out an event.
func (b *booted) next(e kernel.Event) {
	b.t.Helper()
	b.line++
	e.Line, e.RIP = b.line, uint64(b.line)
	if err := b.event(&e); err != nil {
		b.t.Fatal(err)
	}
}

// spot is an entry that an address leads through.
type spot struct {
	frame model.Frame
	slot  int
	level int
	e     model.Entry
}

// walk are the entries that an address leads through, from CR3 on.
func (b *booted) walk(va model.VA) (way []spot) {
	g, f := b.s.L.Geo, b.s.CPU.CR3
	for level := g.Levels; level >= 1 && f != model.NoFrame; level-- {
		slot := g.Index(va, level)
		if level == g.Levels {
			slot += b.s.CPU.RootSlot
		}
		e := b.s.Entry(g, f, slot)
		way = append(way, spot{f, slot, level, e})
		if !e.Is(model.Present) || level == 1 || b.trace.Maps(level, e) {
			return way
		}
		f = b.s.L.Map.Frame(e.MFN())
	}
	return way
}

// leaf is the first small leaf from an address on that fits.
func (b *booted) leaf(from model.VA, fits func(e model.Entry) bool) spot {
	b.t.Helper()
	for va := from; va < from+1<<26; va += model.PageSize {
		way := b.walk(va)
		if at := way[len(way)-1]; at.level == 1 && at.e.Is(model.Present|model.Accessed) && fits(at.e) {
			return at
		}
	}
	b.t.Fatalf("no page at %#x", from)
	return spot{}
}

// at is the entry of a level that an address leads through.
func (b *booted) at(va model.VA, level int) spot {
	b.t.Helper()
	way := b.walk(va)
	i := slices.IndexFunc(way, func(s spot) bool { return s.level == level })
	if i < 0 {
		b.t.Fatalf("%#x leads through no table of level %d", va, level)
	}
	return way[i]
}

// store makes an entry another one.
func (b *booted) store(at spot, now model.Entry) { b.storePart(at, now, 8, 0) }

// storePart stores so many bytes of it, from off on.
func (b *booted) storePart(at spot, now model.Entry, size, off int) {
	b.t.Helper()
	g := b.s.L.Geo
	b.next(kernel.Event{Kind: kernel.Store, Frame: uint64(b.s.L.Map.MFN(at.frame)), Slot: at.slot, Old: uint64(b.s.Entry(g, at.frame, at.slot)), New: uint64(now),
		Size: size, Level: at.level, VA: uint64(at.slot*g.Width + off)})
}

// load loads a root.
func (b *booted) load(f model.Frame) {
	b.next(kernel.Event{Kind: kernel.Control, Reg: 3, CR0: 0x80050033, CR3: uint64(b.s.L.Map.MFN(f)) << model.PageShift, CR4: 0x6f0, EFER: 0xd01})
}

// base is where the kernels have all memory mapped.
var base = map[string]model.VA{"amd64": directMap, "686": 0xc000_0000, "686-pae": 0xc000_0000}

// Places of amd64 (Documentation/x86/x86_64/mm.rst).
const (
	directMap model.VA = 0xffff_8880_0000_0000
	vmalloc   model.VA = 0xffff_c900_0000_0000
	program   model.VA = 0x40_0000
)

// anyPage fits.
func anyPage(model.Entry) bool { return true }

// remade is an entry that names another frame.
func remade(e model.Entry, n model.MFN) model.Entry { return model.MakeEntry(n, e.Flags()) }

// TestEveryRuleCatches breaks each rule at the end of a boot.
func TestEveryRuleCatches(t *testing.T) {
	caught := map[string]bool{"user-no-execute": true} // 686-pae does
	for _, x := range []struct {
		name, rule, recording string
		do                    func(b *booted)
	}{
		{"an address leads elsewhere, and no flush", "changes-flushed", "amd64", func(b *booted) {
			at := b.leaf(vmalloc, anyPage)
			b.store(at, 0)
			b.store(at, remade(at.e, at.e.MFN()+1))
		}},
		{"a page becomes read-only, and no flush", "changes-flushed", "amd64", func(b *booted) {
			at := b.leaf(vmalloc, func(e model.Entry) bool { return e.Is(model.RW) })
			b.store(at, at.e&^model.RW)
			other := b.leaf(directMap, anyPage)
			for range lastStores {
				b.store(other, other.e)
			}
		}},
		{"a page of user mode is a table", "no-dangling", "amd64", func(b *booted) {
			root, at := b.s.CPU.CR3, b.user()
			b.store(at, remade(at.e, b.s.L.Map.MFN(root)))
		}},
		{"a table is a page of user mode", "no-dangling", "amd64", func(b *booted) {
			at, l2 := b.user(), b.empty(vmalloc, 2)
			b.store(l2, remade(b.at(vmalloc, 2).e, at.e.MFN()))
			b.next(kernel.Event{Kind: kernel.Table, Level: 1, Frame: uint64(at.e.MFN())})
		}},
		{"a large page is not aligned", "tables-valid", "amd64", func(b *booted) {
			at := b.large()
			b.store(at, remade(at.e, at.e.MFN()+2))
		}},
		{"an entry leads to no table", "tables-valid", "amd64", func(b *booted) {
			b.store(b.empty(vmalloc, 2), remade(b.at(vmalloc, 2).e, 0x777))
		}},
		{"a page of the direct map is another one", "ram-only", "amd64", func(b *booted) {
			at := b.leaf(directMap, anyPage)
			b.store(at, remade(at.e, at.e.MFN()+1))
		}},
		{"the direct map maps what is no memory", "ram-only", "amd64", func(b *booted) {
			at := b.at(directMap+0xffe0000, 1)
			b.store(at, model.MakeEntry(0xffe0, b.leaf(directMap, anyPage).e.Flags()))
		}},
		{"a table is replaced by another one", "present-not-reallocated", "amd64", func(b *booted) {
			at := b.at(vmalloc, 2)
			b.store(at, remade(at.e, b.at(directMap, 2).e.MFN()))
		}},
		{"two roots lead elsewhere", "kernel-part-shared", "amd64", func(b *booted) {
			mine := b.s.CPU.CR3
			other := b.kernelRoot(mine)
			b.load(other)
			at := b.at(vmalloc, 4)
			b.store(at, remade(at.e, b.at(directMap, 4).e.MFN()))
			b.load(mine)
			b.load(other)
		}},
		{"a page is writable and executable", "no-write-execute", "amd64", func(b *booted) {
			at := b.leaf(vmalloc, anyPage)
			b.store(at, at.e|model.RW)
			b.store(at, (at.e|model.RW)&^model.NX)
		}},
		{"user mode may use a page of the kernel's", "user-kernel-split", "amd64", func(b *booted) {
			at := b.leaf(directMap, anyPage)
			b.store(at, at.e|model.User)
		}},
		{"a large page is split into other pages", "large-page-split", "amd64", func(b *booted) {
			at := b.large()
			b.store(at, b.at(vmalloc, 2).e)
		}},
		{"a table becomes a large page with other rights", "size-then-attributes", "amd64", func(b *booted) {
			at := b.at(directMap, 2)
			b.store(at, model.MakeEntry(0, b.leaf(directMap, anyPage).e.Flags()^model.RW|model.PSE))
		}},
		{"the rights of a large page change before its size is flushed", "size-then-attributes", "amd64", func(b *booted) {
			at := b.large()
			small := b.at(vmalloc, 2).e
			b.store(at, small) // breaks another rule
			b.store(at, at.e)  // and is undone
			b.store(at, at.e&^model.RW)
		}},
		{"the halves of an entry are torn", "no-torn-entry", "686-pae", func(b *booted) {
			at := b.leaf(0xd000_0000, anyPage)
			mid := remade(at.e, at.e.MFN()|1<<20)
			b.storePart(at, mid, 4, 4)
			b.storePart(at, remade(mid, 1<<20|1), 4, 0)
		}},
	} {
		b := boot(t, x.recording)
		x.do(b)
		b.end()
		if b.broken[x.rule] == 0 {
			t.Errorf("%s: %v broken, want %s", x.name, b.broken, x.rule)
		}
		caught[x.rule] = true
	}
	for _, r := range invariants.TraceRules() {
		if !caught[r.ID] {
			t.Errorf("nothing breaks %s", r.ID)
		}
	}
}

// lastStores is more than may come behind a change that is never flushed.
const lastStores = 100

// user is a writable page of user mode.
func (b *booted) user() spot {
	return b.leaf(program, func(e model.Entry) bool { return e.Is(model.User | model.RW) })
}

// large is a large page of the direct map.
func (b *booted) large() spot {
	for va := directMap; va < directMap+1<<28; va += 1 << 21 {
		if at := b.at(va, 2); at.e.Is(model.PSE) {
			return at
		}
	}
	b.t.Fatal("no large page")
	return spot{}
}

// empty is an entry of a level that holds nothing, in a table behind an address.
func (b *booted) empty(va model.VA, level int) spot {
	b.t.Helper()
	for ; ; va += b.s.L.Geo.Span(level) {
		if at := b.at(va, level); at.e == 0 {
			return at
		}
	}
}

// kernelRoot is another root.
func (b *booted) kernelRoot(not model.Frame) model.Frame {
	for f := range model.Frame(b.s.L.Map.Frames()) {
		if f != not && b.trace.Level(f) == 4 {
			return f
		}
	}
	b.t.Fatal("no other root")
	return model.NoFrame
}
