package view

import (
	"fmt"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// FrameName is the name of a frame in reports: f and its number, or what kind
// of frame of others it is.
func FrameName(l *model.Layout, f model.Frame) string {
	if f == model.NoFrame {
		return "nowhere"
	}
	if n := int(f) - l.Map.Guest(); n >= 0 && l.Hyper != nil {
		return l.Hyper.Extra[n].Name
	}
	return fmt.Sprintf("f%d", f)
}

// EntryText writes an entry with the name of its frame, such as "f3:PWAD".
func EntryText(l *model.Layout, e model.Entry) string {
	if e == 0 {
		return "0"
	}
	name := fmt.Sprintf("m%#x", uint64(e.MFN()))
	if f := l.Map.Frame(e.MFN()); f != model.NoFrame {
		name = FrameName(l, f)
	}
	return string(model.AppendFlags([]byte(name+":"), e))
}

// Namer is how reports and steps write frames and entries.
type Namer struct{ L *model.Layout }

var (
	_ invariants.Namer = Namer{}
	_ model.Names      = Namer{}
)

// FrameName implements invariants.Namer.
func (n Namer) FrameName(f model.Frame) string { return FrameName(n.L, f) }

// EntryText implements invariants.Namer.
func (n Namer) EntryText(e model.Entry) string { return EntryText(n.L, e) }

// frameRoles says what the frames with a meaning of their own are.
func FrameRoles(l *model.Layout, first model.PFN) []string {
	k := &l.Kernel
	roles := []string{
		fmt.Sprintf("f%d root (swapper_pg_dir)", k.Root),
		fmt.Sprintf("f%d zero page", k.ZeroPage),
	}
	if l.Hyper != nil {
		roles = append(roles, fmt.Sprintf("f%d the builder's root", k.PTBase))
	}
	if k.Spare != k.Root && k.Spare != k.ZeroPage {
		roles = append(roles, fmt.Sprintf("f%d spare", k.Spare))
	}
	if l.Early != nil {
		return append(append(roles, fmt.Sprintf("static tables from f%d", first)), earlyRoles(l)...)
	}
	roles = append(roles, fmt.Sprintf("boot allocator from f%d", first),
		fmt.Sprintf("low memory f0 to f%d at %#x", k.MaxLowPFN-1, uint64(k.PageOffset)))
	return roles
}

// frameRole is what the kernel uses a frame for from the start, "" for nothing
// of its own.
func frameRole(l *model.Layout, f model.Frame) string {
	k := &l.Kernel
	switch {
	case int(f) >= l.Map.Guest():
		if l.Hyper != nil && l.Hyper.Extra[int(f)-l.Map.Guest()].Kind == model.SharedInfo {
			return "shared_info"
		}
		return "not the guest's"
	case f == model.Frame(k.Root):
		return "root"
	case f == model.Frame(k.ZeroPage):
		return "zero page"
	case l.Hyper != nil && f == model.Frame(k.PTBase):
		return "builder's root"
	case f == model.Frame(k.Spare):
		return "spare"
	}
	return ""
}

// geometryOf is the geometry in which a frame's entries are told: the kernel's
// own where the frame is part of the kernel's tree, else that of the CPU.
func geometryOf(s *model.State, f model.Frame) *model.Geometry {
	active := s.Active()
	if active == s.L.Geo {
		return active
	}
	if _, _, ok := wayTo(s, TreeRoot{s.L.Geo, model.Frame(s.L.Kernel.Root), s.L.Geo.Levels, ""}, f); ok {
		return s.L.Geo
	}
	if _, _, ok := wayTo(s, TreeRoot{active, s.CPU.CR3, active.Levels, ""}, f); ok {
		return active
	}
	return s.L.Geo
}

// earlyRoles says what places of their own a later kernel's machine has.
func earlyRoles(l *model.Layout) []string {
	e := l.Early
	roles := []string{fmt.Sprintf("memory f0 to f%d at %#x", l.Kernel.MaxLowPFN-1, uint64(l.Kernel.PageOffset))}
	for _, r := range [...]struct {
		name string
		model.FrameRange
	}{{"brk", e.Brk}, {"list of machine frames and its tables", e.P2M}, {"initrd", e.Initrd}, {"memory to be ballooned up", e.Extra}} {
		if r.Len() > 0 {
			roles = append(roles, fmt.Sprintf("f%d to f%d %s", r.From, r.To-1, r.name))
		}
	}
	for i := range e.RAM[1:] {
		roles = append(roles, fmt.Sprintf("f%d to f%d a hole", e.RAM[i].To, e.RAM[i+1].From-1))
	}
	return roles
}
