package drawn

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// xenDraw is a domain builder's work while it is drawn.
type xenDraw struct {
	d      Draw
	c      xen.Config
	mapped int // frames of low memory that the builder maps
	wide   bool
}

// Xen draws a guest on a domain builder's tables: the hypervisor's version, order
// and holes of machine memory, where the frames lie, how much is mapped and with
// which flags, leaves with other flags, a sticky TLB, a root that nobody has cleared. An error is a fault of the
// generator.
func Xen(d Draw, size Size, levels int) (*Boot, error) {
	x := &xenDraw{d: d}
	if err := x.geometry(size, levels); err != nil {
		return nil, err
	}
	x.memory(size)
	x.machineFrames()
	x.flags()
	s, err := xen.StartOfDay(x.c)
	if err != nil {
		return nil, fmt.Errorf("drawn: xen: %w", err)
	}
	s.TLB.Sticky = size == Tiny && d.Yes("sticky TLB")
	if d.Yes("uncleared root") {
		s.Soil(model.Frame(x.c.Kernel.Root))
		s.Commit()
	}
	return &Boot{Backend: "xen", Levels: levels, State: s, Ops: xen.Ops()}, nil
}

// profile draws the hypervisor's version. Two-level guests are older than 4.17.
func profile(d Draw, levels int) *model.Profile {
	if levels == 2 {
		return model.Xen31()
	}
	return pick(d, "profile", model.Profiles()...)
}

// geometry sets the geometry, the kernel half, the hypervisor's slots and the top
// of the fixmap.
func (x *xenDraw) geometry(size Size, levels int) (err error) {
	k, h := &x.c.Kernel, &x.c.Hyper
	h.Profile = profile(x.d, levels)
	h.XenLevel = 2
	x.wide = levels == 3 && x.d.Yes("wide")
	if size == Tiny {
		return x.tinyGeometry(levels)
	}
	switch levels {
	case 2:
		x.c.Geo, h.XenFirst, h.XenLast = model.I386(), 1008, 1023
		k.PageOffset, k.FixTop = 0xc000_0000, 0xfbff_f000
	case 3:
		x.c.Geo, h.XenFirst, h.XenLast = model.PAE(), 428, 511
		k.PageOffset, k.FixTop = 0xc000_0000, 0xf57f_f000
		if x.wide {
			k.PageOffset = 0x8000_0000
		}
	default:
		x.c.Geo = model.AMD64()
		h.XenLevel, h.XenFirst, h.XenLast = 4, 256, 271
		k.PageOffset, k.FixTop = 0xffff_8800_0000_0000, 0xffff_ffff_ff5f_f000
	}
	return nil
}

func (x *xenDraw) tinyGeometry(levels int) (err error) {
	k, h := &x.c.Kernel, &x.c.Hyper
	h.XenFirst, h.XenLast = 7, 7
	switch levels {
	case 2:
		x.c.Geo, err = model.NewGeometry("tiny-2", 4, 16, 4)
		h.XenFirst, h.XenLast = 15, 15
	case 3:
		root := 2
		if x.wide {
			root = 4
		}
		if x.c.Geo, err = model.NewGeometry("tiny-3", 8, root, 8, 4); err == nil {
			x.c.Geo.PAERoot = true
		}
	default:
		if x.c.Geo, err = model.NewGeometry("tiny-4", 8, 8, 2, 8, 4); err == nil {
			x.c.Geo.SignExtend = true
		}
		h.XenLevel, h.XenFirst, h.XenLast = 4, 4, 4
	}
	if err != nil {
		return err
	}
	g := x.c.Geo
	k.PageOffset = model.VA(1) << (g.VABits() - 1)
	if levels == 4 {
		k.PageOffset = g.Wrap(k.PageOffset + g.Span(4)) // behind the hypervisor's slot
	}
	base := k.PageOffset
	if x.wide {
		base += g.Span(3)
	}
	k.FixTop = base + 7*g.Span(2) - model.PageSize
	return nil
}

// memory draws how much memory there is, how much of it the builder maps, and what
// lies where.
func (x *xenDraw) memory(size Size) {
	k, g, d := &x.c.Kernel, x.c.Geo, x.d
	k.NrFixed, k.FixSharedInfo, k.LastPkmap = 4, 1, g.Slots[1]
	slots := g.Slots[1]
	lowmem := 0
	if size == Tiny {
		lowmem = d("low memory", 20, 24)
	} else {
		lowmem = pick(d, "low memory", 24, 40, slots-1, slots, slots+d("beyond", 1, 8))
		k.NrFixed = d("fixmap indexes", 4, 64)
		k.Highmem = g.Levels < 4 && d.Yes("high memory")
		k.PkmapBase = (k.FixTop+model.PageSize)&^(g.Span(2)-1) - 2*g.Span(2)
	}
	k.MaxLowPFN = model.PFN(lowmem)
	x.layOut(lowmem)
	k.NX = g.Levels > 2 && d.Yes("NX")
	k.TextEnd = textEnd(d, k, x.mapped)
}

// layOut places the frames: the kernel's and the builder's in any order, then the
// boot allocator.
func (x *xenDraw) layOut(lowmem int) {
	k, t, g, d := &x.c.Kernel, &x.c.Tables, x.c.Geo, x.d
	leafTables := func(frames int) int { return (frames + g.Slots[1] - 1) / g.Slots[1] }
	count := [model.MaxLevels + 1]int{}
	for level := 2; level <= g.Levels; level++ {
		count[level] = 1
	}
	// What construction takes before the rest of memory is mapped: copies of the
	// middle levels, or new ones above the fixmap, its table and those of unmapped
	// memory.
	need := 2*(g.Levels-2) + 1 + leafTables(lowmem)
	if x.wide {
		count[2]++
		need++
	}
	if k.Highmem {
		need++
	}
	own := 3 + g.Levels - 1 + count[2] - 1 + leafTables(lowmem)
	x.mapped = d("mapped", min(own+need, lowmem), lowmem)
	count[1] = leafTables(x.mapped)

	roles := []*model.PFN{&k.Root, &k.ZeroPage, &k.Spare}
	for level := g.Levels; level > 0; level-- {
		t.Frames[level] = make([]model.PFN, count[level])
		for i := range t.Frames[level] {
			roles = append(roles, &t.Frames[level][i])
		}
	}
	Shuffle(d, "frame order", roles)
	for i, f := range roles {
		*f = model.PFN(i)
	}
	k.BootmemFirst = model.PFN(len(roles))
	k.PTBase = t.Frames[g.Root()][0]
	t.MapEnd, t.ExtraL2 = model.PFN(x.mapped).PA(), x.wide
}

// machineFrames draws which machine frames the guest has: any order, with holes,
// low or above 4 GiB.
func (x *xenDraw) machineFrames() {
	n := int(x.c.Kernel.MaxLowPFN)
	p := n + 1
	for !isPrime(p) {
		p++
	}
	base := 1
	if x.c.Geo.Width == 8 {
		base = pick(x.d, "first machine frame", 1, 1<<20-n/2, 1<<20)
	}
	step, first := x.d("machine step", 1, p-1), x.d("machine start", 0, p-1)
	x.c.P2M = make([]model.MFN, n)
	for i := range x.c.P2M {
		x.c.P2M[i] = model.MFN(base + (first+i*step)%p)
	}
	x.c.Kernel.SharedInfo = model.MFN(base + p + x.d("shared_info", 0, 20))
	x.c.Hyper.Extra = []model.Extra{{Name: "h", Kind: model.SharedInfo}}
	x.c.Extra = []model.MFN{x.c.Kernel.SharedInfo}
}

func isPrime(n int) bool {
	for i := 2; i*i <= n; i++ {
		if n%i == 0 {
			return false
		}
	}
	return n > 1
}

// flags draws the flags of the builder's entries and which leaves differ.
func (x *xenDraw) flags() {
	t, g, d := &x.c.Tables, x.c.Geo, x.d
	const ad = model.Accessed | model.Dirty
	t.Flags[1] = model.Present | model.RW | pick(d, "leaf flags", ad, 0, model.Accessed, model.User, ad|model.User)
	for level := 2; level <= g.Levels; level++ {
		t.Flags[level] = model.Present | model.RW | model.User | pick(d, "table flags", ad, 0, model.Accessed)
	}
	if g.Levels == 3 {
		t.Flags[3] = model.Present
	}
	t.Leaves = map[model.PFN]model.Entry{}
	if x.c.Kernel.NX && g.Levels == 4 {
		text := int(x.c.Kernel.TextEnd-x.c.Kernel.PageOffset)>>model.PageShift + 1
		for pfn := d("builder's text", text, x.mapped); pfn < x.mapped; pfn++ {
			t.Leaves[model.PFN(pfn)] = t.Flags[1] | model.NX
		}
	}
	for range d("stale leaves", 0, 6) {
		pfn := model.PFN(d("stale leaf", 0, x.mapped-1))
		t.Leaves[pfn] = model.Present | model.RW | pick(d, "stale flags", 0, model.Accessed, model.User, ad)
	}
	if d.Yes("read-only data") {
		t.Leaves[x.c.Kernel.Spare] = model.Present | pick(d, "read-only flags", 0, model.Accessed|model.User)
	}
}
