package show

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// root is a tree of tables that a state has.
type root struct {
	name  string
	geo   *model.Geometry
	frame model.Frame
}

// roots are the tree that the CPU uses and, where it is another one, the kernel's.
func roots(s *model.State) []root {
	out := []root{{"CR3", s.Active(), s.CPU.CR3}}
	k := model.Frame(s.L.Kernel.Root)
	if s.L.Kernel.MaxLowPFN > 0 && (k != s.CPU.CR3 || s.L.Geo != s.Active()) {
		out = append(out, root{"the kernel's root", s.L.Geo, k})
	}
	if f := s.Kernel.Second; f != model.NoFrame && f != s.CPU.CR3 {
		out = append(out, root{"the second root", s.L.Geo, f})
	}
	return out
}

// walkText walks an address under a root: a line for each level, and where the way
// ends.
func (s *Session) walkText(st *model.State, r root, va model.VA) []string {
	if r.frame == model.NoFrame {
		return []string{fmt.Sprintf("%#x under %s: no table is known yet", uint64(va), r.name)}
	}
	name := func(f model.Frame) string { return s.frameName(st, f) }
	lines := []string{fmt.Sprintf("%#x under %s %s:", uint64(va), r.name, name(r.frame))}
	if !r.geo.Canonical(va) {
		return append(lines, "  not an address of this geometry")
	}
	f := r.frame
	for level := r.geo.Levels; f != model.NoFrame; level-- {
		slot := r.geo.Index(va, level)
		if slot >= r.geo.Slots[level] {
			return append(lines, fmt.Sprintf("  L%d has no slot %d", level, slot))
		}
		if level == r.geo.Levels && r.frame == st.CPU.CR3 {
			slot += st.CPU.RootSlot
		}
		e := st.Entry(r.geo, f, slot)
		lines = append(lines, fmt.Sprintf("  L%d %s[%d]  %s", level, name(f), slot, s.entryText(st, e)))
		if !e.Is(model.Present) || level == 1 {
			break
		}
		f = st.L.Map.Frame(e.MFN())
		if level <= r.geo.Large && e.Is(model.PSE) {
			break
		}
	}
	return append(lines, "  "+s.landing(st, r, va))
}

// landing says where an address leads, or why it leads nowhere.
func (s *Session) landing(st *model.State, r root, va model.VA) string {
	t, fault := st.WalkFrom(r.geo, r.frame, va)
	switch fault {
	case model.WalkNotPresent:
		return fmt.Sprintf("not present at L%d", t.Level)
	case model.WalkReserved:
		return fmt.Sprintf("an entry with a reserved bit at L%d", t.Level)
	case model.WalkNonCanon:
		return "not a canonical address"
	case model.WalkOutside:
		return "a table outside the frames of the model"
	}
	where := fmt.Sprintf("machine frame %#x", uint64(t.MFN))
	if t.Frame != model.NoFrame {
		where = s.frameName(st, t.Frame)
	}
	rights := []string{"read-only", "kernel", "executable"}
	if t.RW {
		rights[0] = "writable"
	}
	if t.User {
		rights[1] = "user"
	}
	if t.NoExec {
		rights[2] = "no-execute"
	}
	return fmt.Sprintf("-> %s+%#x, page of %d KiB, %s", where, t.Offset, r.geo.Span(t.Level)>>10, strings.Join(rights, ", "))
}

// cached says what the TLB has of an address.
func (s *Session) cached(st *model.State, va model.VA) []string {
	for c := range st.TLB.Each {
		if c.Page == va&^(model.PageSize-1) {
			rw := "read-only"
			if c.Writable {
				rw = "writable"
			}
			return []string{fmt.Sprintf("cached by the TLB: %s, %s", s.frameName(st, c.Frame), rw)}
		}
	}
	return nil
}

// walks are the walks of an address under all roots.
func (s *Session) walks(st *model.State, va model.VA) []string {
	var lines []string
	for _, r := range roots(st) {
		lines = append(lines, s.walkText(st, r, va)...)
	}
	return append(lines, s.cached(st, va)...)
}

// tableText lists the entries of a frame that are not zero, and what the frame is.
func (s *Session) tableText(st *model.State, f model.Frame) []string {
	role := s.role(st, f)
	if role == "" {
		role = "no role"
	}
	lines := []string{fmt.Sprintf("%s: %s", s.frameName(st, f), role)}
	for _, g := range s.readings(st, f) {
		if g != st.L.Geo {
			lines = append(lines, fmt.Sprintf("  read with %d levels of %d-byte entries:", g.Levels, g.Width))
		}
		for i := range g.Words() * 8 / g.Width {
			if e := st.Entry(g, f, i); e != 0 {
				lines = append(lines, fmt.Sprintf("  [%d] %s", i, s.entryText(st, e)))
			}
		}
	}
	return lines
}

// readings are the geometries in which a frame means something: the CPU's where
// it is in use as a table, and the kernel's.
func (s *Session) readings(st *model.State, f model.Frame) []*model.Geometry {
	if a := st.Active(); a != st.L.Geo {
		if levels(st, root{geo: a, frame: st.CPU.CR3})[f] != 0 {
			if f == model.Frame(st.L.Kernel.Root) {
				return []*model.Geometry{a, st.L.Geo}
			}
			return []*model.Geometry{a}
		}
	}
	return []*model.Geometry{st.L.Geo}
}

// levels maps the tables under a root to their levels, as sets of bits.
func levels(st *model.State, r root) map[model.Frame]uint {
	found := map[model.Frame]uint{}
	var visit func(f model.Frame, level int)
	visit = func(f model.Frame, level int) {
		if !st.L.Map.IsGuest(f) || found[f]>>level&1 != 0 {
			return
		}
		found[f] |= 1 << level
		if level == 1 {
			return
		}
		first := 0
		if f == st.CPU.CR3 && level == r.geo.Levels {
			first = st.CPU.RootSlot
		}
		for i := first; i < first+r.geo.Slots[level]; i++ {
			e := st.Entry(r.geo, f, i)
			if e.Is(model.Present) && !(level <= r.geo.Large && e.Is(model.PSE)) && !st.L.XenSlot(level, i, false) {
				visit(st.L.Map.Frame(e.MFN()), level-1)
			}
		}
	}
	visit(r.frame, r.geo.Levels)
	return found
}

// role says what a frame is used as, "" for nothing.
func (s *Session) role(st *model.State, f model.Frame) string { return roleOf(st, f, treesOf(st)) }

// tree is a root with the tables below it.
type tree struct {
	root
	levels map[model.Frame]uint
}

func treesOf(st *model.State) []tree {
	var out []tree
	for _, r := range roots(st) {
		out = append(out, tree{r, levels(st, r)})
	}
	return out
}

func roleOf(st *model.State, f model.Frame, trees []tree) string {
	roles := placeRoles(st, f)
	for _, t := range trees {
		for level := t.geo.Levels; level > 0; level-- {
			if t.levels[f]>>level&1 != 0 {
				roles = append(roles, fmt.Sprintf("L%d under %s", level, t.name))
			}
		}
	}
	if st.L.Hyper != nil && st.L.Map.IsGuest(f) {
		i := st.Info(f)
		text := ""
		if i.T > 0 {
			text = fmt.Sprintf("the hypervisor's %v x%d", i.Typ, i.T)
		}
		if i.Is(model.Pinned) {
			text += " pinned"
		}
		// Writable pages are the rule.
		if text != "" && i.Typ != model.TypeWritable {
			roles = append(roles, text)
		}
	}
	return strings.Join(roles, "; ")
}

// placeRoles are the roles that a frame has by its place.
func placeRoles(st *model.State, f model.Frame) []string {
	var roles []string
	k := &st.L.Kernel
	if k.MaxLowPFN == 0 || !st.L.Map.IsGuest(f) {
		return nil
	}
	pfn := model.PFN(f)
	for _, r := range [...]struct {
		is   bool
		what string
	}{
		{pfn == k.Root, "swapper_pg_dir"},
		{pfn == k.ZeroPage, "zero page"},
		{st.L.Hyper != nil && pfn == k.PTBase, "the builder's root"},
		{pfn == k.Spare && k.Spare != k.Root && k.Spare != k.ZeroPage, "spare"},
		{pfn >= k.BootmemFirst && pfn < st.Kernel.BootmemNext, "allocated"},
	} {
		if r.is {
			roles = append(roles, r.what)
		}
	}
	return roles
}

// framesText lists the frames that have a role.
func (s *Session) framesText(st *model.State) []string {
	var lines []string
	trees := treesOf(st)
	for f := range model.Frame(st.L.Map.Frames()) {
		if role := roleOf(st, f, trees); role != "" {
			lines = append(lines, fmt.Sprintf("%-6s %s", s.frameName(st, f), role))
		}
	}
	return lines
}
