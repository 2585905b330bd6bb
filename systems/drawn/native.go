package drawn

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
)

// nativeDraw is a native start of day while it is drawn.
type nativeDraw struct {
	d         Draw
	geo, boot *model.Geometry
	k         model.KernelMap
	fixTable  model.PFN // where a table for the fixmap lies; no table if it is 0
	pg0       model.PFN
	tables    int // boot tables
}

// Native draws a bare machine on head.S's tables: processor features, memory,
// where the kernel's frames lie, how far the boot tables reach, a fixmap table
// with a stale leaf, a sticky TLB. An error is a fault of the generator.
func Native(d Draw, size Size, levels int) (*Boot, error) {
	n := &nativeDraw{d: d}
	if err := n.geometry(size, levels); err != nil {
		return nil, err
	}
	n.features(size)
	n.place()
	n.k.TextEnd = textEnd(d, &n.k, min(int(n.k.MaxLowPFN), n.tables*n.boot.Slots[1]))
	span := model.PA(n.boot.Span(2))
	s, err := native.StartOfDay(native.Config{
		Geo: n.geo, Boot: n.boot, Kernel: n.k, PG0: n.pg0,
		MapBeyondEnd: model.PA(n.tables)*span - (n.pg0 + model.PFN(n.tables)).PA(),
	})
	if err != nil {
		return nil, fmt.Errorf("drawn: native: %w", err)
	}
	if n.fixTable != 0 {
		n.staleFixmap(s)
	}
	s.TLB.Sticky = size == Tiny && d.Yes("sticky TLB")
	return &Boot{Backend: "native", Levels: levels, State: s, Ops: native.Ops()}, nil
}

// geometry draws the two geometries and where the kernel half begins.
func (n *nativeDraw) geometry(size Size, levels int) (err error) {
	k := &n.k
	if size == Real {
		n.boot, n.geo = model.I386(), model.I386()
		k.PageOffset = pick[model.VA](n.d, "PAGE_OFFSET", 0xc000_0000, 0x8000_0000, 0xb000_0000)
		if levels == 3 {
			n.geo = model.PAE()
			k.PageOffset = pick[model.VA](n.d, "PAGE_OFFSET", 0xc000_0000, 0x8000_0000, 0x4000_0000)
		}
		return nil
	}
	root := pick(n.d, "root slots", 2, 4)
	if n.boot, err = model.NewGeometry("tiny-2", 4, 4*root, 4); err != nil {
		return err
	}
	n.geo = n.boot
	if levels == 3 {
		if n.geo, err = model.NewGeometry("tiny-3", 8, root, 4, 4); err != nil {
			return err
		}
		n.geo.PAERoot = true
	}
	k.PageOffset = model.VA(1) << (n.geo.VABits() - 1)
	return nil
}

// features draws processor features, low memory and what lies at the top.
func (n *nativeDraw) features(size Size) {
	k, d := &n.k, n.d
	top := model.VA(1) << n.geo.VABits()
	k.HasPSE, k.HasPGE = d.Yes("PSE"), d.Yes("PGE")
	k.NX = n.geo.Width == 8 && d.Yes("NX")
	// The smallest memory has no room for a pkmap table besides all others.
	cramped := size == Tiny && n.geo.Levels == 3 && n.geo.Slots[3] == 2 && !k.HasPSE
	k.Highmem = d.Yes("high memory") && !cramped
	k.NrFixed, k.FixTop = 4, top-model.PageSize
	k.LastPkmap = n.geo.Slots[1]
	spans := 1
	if size == Real {
		k.NrFixed = d("fixmap indexes", 4, 64)
	}
	if k.Highmem {
		spans = 2
		k.PkmapBase = top - 2*n.geo.Span(2)
	}
	room := int((top - k.PageOffset - model.VA(spans)*n.geo.Span(2)) >> model.PageShift)
	if size == Tiny {
		k.MaxLowPFN = model.PFN(d("low memory", min(16, room), min(24, room)))
	} else {
		edge := n.geo.Slots[1]
		k.MaxLowPFN = model.PFN(pick(d, "low memory", 20, 33, 48, edge-1, edge, edge+d("beyond", 1, 8)))
	}
}

// place lays out the kernel's frames: root, zero page, spare page, boot tables and
// perhaps a fixmap table in a row, the boot allocator above or below.
func (n *nativeDraw) place() {
	k, d := &n.k, n.d
	need := n.bootmem()
	most := (int(k.MaxLowPFN) + n.boot.Slots[1] - 1) / n.boot.Slots[1]
	var single []*model.PFN
	single = append(single, &k.Root, &k.ZeroPage)
	withSpare := int(k.MaxLowPFN) >= most+need+5
	if withSpare {
		single = append(single, &k.Spare)
	}
	if n.geo.Levels == 2 && int(k.MaxLowPFN) >= most+need+4 && d.Yes("fixmap table") {
		single = append(single, &n.fixTable)
	}
	Shuffle(d, "frame order", single)
	own := len(single) + most
	slack := int(k.MaxLowPFN) - own - need
	gap := 0
	if slack > 0 {
		gap = d("gap", 0, min(slack, 3))
	}
	next := model.PFN(gap)
	tablesFirst := d.Yes("boot tables first")
	if d.Yes("bootmem below the kernel") {
		next += model.PFN(need)
		k.BootmemFirst = model.PFN(d("first bootmem frame", 0, gap))
		// The calls of a search know from the root that the allocator ends there.
		i := slices.Index(single, &k.Root)
		single[0], single[i] = single[i], single[0]
		tablesFirst = false
	} else {
		k.BootmemFirst = next + model.PFN(own)
	}
	if tablesFirst {
		n.pg0 = next
		next += model.PFN(most)
	}
	for _, f := range single {
		*f = next
		next++
	}
	if !tablesFirst {
		n.pg0 = next
		next += model.PFN(most)
	}
	if !withSpare {
		k.Spare = k.ZeroPage
	}
	reach := max(next, k.BootmemFirst+model.PFN(need))
	least := (int(reach) + n.boot.Slots[1] - 1) / n.boot.Slots[1]
	n.tables = d("boot tables", min(least, most), most)
}

// bootmem is how many frames construction takes at most.
func (n *nativeDraw) bootmem() int {
	k, g := &n.k, n.geo
	need := 1 // the fixmap's table
	if k.Highmem {
		need++
	}
	if !k.HasPSE && g.Levels == 3 {
		need += (int(k.MaxLowPFN) + g.Slots[1] - 1) / g.Slots[1]
	}
	if g.Levels == 3 {
		need += g.Slots[3] - g.Index(k.PageOffset, 3)
	} else if !k.HasPSE {
		need += (int(k.MaxLowPFN)+g.Slots[1]-1)/g.Slots[1] - 1
	}
	return need
}

// staleFixmap hangs a table with one stale leaf where the fixmap will be, as
// kernels with an early ioremap do.
func (n *nativeDraw) staleFixmap(s *model.State) {
	flags := pick(n.d, "stale flags", model.Present|model.RW|model.User, model.Present, model.Present|model.RW|model.Accessed|model.Dirty)
	const pointer = model.Present | model.RW | model.User
	va := s.L.Fix(2)
	s.Clean(model.Frame(n.fixTable))
	s.SetEntry(n.boot, model.Frame(n.k.Root), n.boot.Index(va, 2), model.MakeEntry(model.MFN(n.fixTable), pointer))
	s.SetEntry(n.boot, model.Frame(n.fixTable), n.boot.Index(va, 1), model.MakeEntry(model.MFN(n.k.Spare), flags))
	s.Commit()
}
