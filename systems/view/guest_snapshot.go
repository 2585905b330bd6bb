package view

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// guestRoots are what makes tables of the frames of a hostile guest: registers
// and pins.
func GuestRoots(s *model.State) []TreeRoot {
	g := s.L.Geo
	var out []TreeRoot
	for n := range s.Processors() {
		cpu, of := s.CPUOf(n), ""
		if s.Processors() > 1 {
			of = fmt.Sprintf(" of cpu%d", n)
		}
		out = append(out, TreeRoot{g, cpu.CR3, g.Levels, "CR3" + of})
		if cpu.UserCR3 != model.NoFrame {
			out = append(out, TreeRoot{g, cpu.UserCR3, g.Levels, "user root" + of})
		}
	}
	return append(out, pinnedRoots(s)...)
}

// guestSnapshot describes the state of a hostile guest: all frames with what the
// hypervisor uses them as, and those that hold something as tables.
func GuestSnapshot(s *model.State) reports.State {
	out := reports.State{Tables: []reports.Table{}, Pages: make([]reports.Page, s.L.Map.Frames())}
	for n := range s.Processors() {
		out.Registers = append(out.Registers, processor(s, n)...)
	}
	for _, f := range s.GDT {
		out.Registers = append(out.Registers, reports.Register{Name: "GDT", Value: FrameName(s.L, f)})
	}
	roots := map[model.Frame]string{}
	for _, r := range GuestRoots(s) {
		if roots[r.frame] == "" {
			roots[r.frame] = r.name
		}
	}
	for f := range model.Frame(s.L.Map.Frames()) {
		i := s.Info(f)
		level := 0
		if i.T > 0 && i.Typ.Level() <= s.L.Geo.Levels {
			level = i.Typ.Level()
		}
		role := i.String()
		if root := roots[f]; root != "" && root != pinnedName {
			role += " (" + root + ")"
		}
		out.Pages[f] = reports.Page{Frame: FrameName(s.L, f), Machine: fmt.Sprintf("%#x", uint64(s.L.Map.MFN(f))), Type: i.String(), Table: level > 0}
		if level > 0 || !s.Untouched(f) {
			out.Tables = append(out.Tables, tableOf(s, s.L.Geo, f, level, roots[f], role))
		}
	}
	return out
}
