package record

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// dumper collects the tables of a machine in the form of a golden dump.
type dumper struct {
	s     *model.State
	geo   *model.Geometry
	seen  map[tableKey]bool
	paged map[model.Frame]bool
	out   []golden.Table
}

type tableKey struct {
	frame model.Frame
	level int
}

// dump lists the tables that the format asks for: those reachable from the
// root, then start-of-day and bootmem tables that are not. f is nil for the
// tables before the boot, which start at the root of the day.
func dump(s *model.State, c *golden.Config, f *golden.File) []golden.Table {
	d := &dumper{s: s, geo: s.L.Geo, seen: map[tableKey]bool{}, paged: map[model.Frame]bool{}}
	root := model.Frame(s.L.Kernel.Root)
	if f == nil {
		if s.L.Boot != nil {
			d.geo = s.L.Boot
		}
		root = s.CPU.CR3
	}
	d.walk(root, d.geo.Root(), false)
	d.addBootTables(c)
	if f != nil {
		for _, b := range f.Bootmem {
			level := 2
			if b.Purpose == golden.PurposePTE {
				level = 1
			}
			d.addUnreachable(model.Frame(b.PFN), level, s.L.Geo.Width)
		}
	}
	golden.SortTables(d.out)
	return d.out
}

// walk adds a table and those below it. xenRoot says that the table hangs on
// the last root slot, whose L2 ends in the hypervisor's slots.
func (d *dumper) walk(f model.Frame, level int, special bool) {
	key := tableKey{f, level}
	if d.seen[key] {
		return
	}
	d.seen[key] = true
	d.add(f, level, d.geo.Width, true)
	if level == 1 {
		return
	}
	for i := range d.geo.Slots[level] {
		e := d.s.Entry(d.geo, f, i)
		if !e.Is(model.Present) || level == 2 && e.Is(model.PSE) || d.s.L.XenSlot(level, i, special) {
			continue
		}
		child := d.s.L.Map.Frame(e.MFN())
		if !d.s.L.Map.IsGuest(child) {
			continue
		}
		d.walk(child, level-1, level == 3 && i == d.geo.Slots[3]-1)
	}
}

// addBootTables adds the tables of the day that the root does not lead to.
func (d *dumper) addBootTables(c *golden.Config) {
	if c.Flavour == golden.Native {
		for i := range c.BootTables() {
			d.addUnreachable(model.Frame(c.PG0>>golden.PageShift)+model.Frame(i), 1, 4)
		}
		return
	}
	t := builderTables(c, d.s.L.Geo)
	for level := d.s.L.Geo.Levels; level >= 1; level-- {
		for _, pfn := range t.Frames[level] {
			d.addUnreachable(model.Frame(pfn), level, d.s.L.Geo.Width)
		}
	}
}

func (d *dumper) addUnreachable(f model.Frame, level, width int) {
	if !d.paged[f] {
		d.add(f, level, width, false)
	}
}

func (d *dumper) add(f model.Frame, level, width int, reachable bool) {
	d.paged[f] = true
	t := golden.Table{PA: uint64(model.PFN(f).PA()), Level: level, Width: width, Reachable: reachable}
	geo := d.geo
	if width == 4 && geo.Width == 8 {
		geo = d.s.L.Boot
	}
	// What is in a page that nobody has written to is none of the kernel's doing: the
	// original's machine had clean memory.
	littered := !reachable && d.s.Littered(f)
	for i := range t.Capacity() {
		if e := d.s.Entry(geo, f, i); e != 0 && !littered {
			t.Entries = append(t.Entries, golden.Entry{Index: i, Raw: uint64(e)})
		}
	}
	d.out = append(d.out, t)
}

// residue lists what is left of head.S's directory in the page of a PAE root,
// behind the 32 bytes that the root occupies.
func residue(s *model.State, c *golden.Config) []golden.Entry {
	if c.Flavour != golden.Native || c.Mode != golden.PAE {
		return nil
	}
	var out []golden.Entry
	for i := 8; i < 1024; i++ {
		if e := s.Entry(s.L.Boot, model.Frame(s.L.Kernel.Root), i); e != 0 {
			out = append(out, golden.Entry{Index: i, Raw: uint64(e)})
		}
	}
	return out
}
