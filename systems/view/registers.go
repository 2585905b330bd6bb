package view

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// registers lists the processors' registers and what the kernel remembers.
func registers(s *model.State) []reports.Register {
	k := &s.Kernel
	var out []reports.Register
	for n := range s.Processors() {
		out = append(out, processor(s, n)...)
	}
	out = append(out,
		reports.Register{Name: "phase", Value: k.Phase.String()},
		reports.Register{Name: "set_pte", Value: variantText(k.SetPTE)},
		reports.Register{Name: "alloc_pt", Value: variantText(k.AllocPT)},
		reports.Register{Name: "next boot page", Value: FrameName(s.L, model.Frame(k.BootmemNext))},
		reports.Register{Name: "second root", Value: frameOrNone(s, k.Second)})
	if s.L.Hyper != nil {
		out = append(out, reports.Register{Name: "xen_cr3", Value: frameOrNone(s, k.XenCR3)})
	}
	if s.L.Early != nil {
		out = append(out, tableBuffer(&k.Buffer)...)
	}
	return out
}

// tableBuffer lists what a later kernel remembers of its early tables.
func tableBuffer(b *model.TableBuffer) []reports.Register {
	var out []reports.Register
	for _, r := range [...]struct {
		name string
		pfn  model.PFN
	}{
		{"pgt_buf_start", b.Start}, {"pgt_buf_end", b.End}, {"pgt_buf_top", b.Top},
		{"min_pfn_mapped", b.MinMapped}, {"max_pfn_mapped", b.MaxMapped}, {"_brk_end", b.BrkEnd},
	} {
		out = append(out, reports.Register{Name: r.name, Value: fmt.Sprintf("f%d", r.pfn)})
	}
	return out
}

func frameOrNone(s *model.State, f model.Frame) string {
	if f == model.NoFrame {
		return "none"
	}
	return FrameName(s.L, f)
}

// processor lists the registers of one processor and what it caches.
func processor(s *model.State, n int) []reports.Register {
	var out []reports.Register
	add := func(name, value string) {
		if s.Processors() > 1 {
			name = fmt.Sprintf("cpu%d %s", n, name)
		}
		out = append(out, reports.Register{Name: name, Value: value})
	}
	cpu, tlb := s.CPUOf(n), s.TLBOf(n)
	add("CR3", frameOrNone(s, cpu.CR3))
	add("CR4", cr4Text(cpu.CR4))
	if s.L.Hyper != nil {
		add("user root", frameOrNone(s, cpu.UserCR3))
	}
	var cached []string
	for c := range tlb.Each {
		way := "r"
		if c.Writable {
			way = "rw"
		}
		cached = append(cached, fmt.Sprintf("%#x->%s %s", uint64(c.Page), frameOrNone(s, c.Frame), way))
	}
	if tlb.Sticky {
		add("TLB", strings.Join(append(cached, "keeps all"), ", "))
	}
	return out
}

func variantText(v model.Variant) string { return [...]string{"not set", "init", "late"}[v] }

func cr4Text(c model.CR4) string {
	text := ""
	for _, b := range [...]struct {
		bit  model.CR4
		name string
	}{{model.CR4PSE, "PSE "}, {model.CR4PAE, "PAE "}, {model.CR4PGE, "PGE "}} {
		if c&b.bit != 0 {
			text += b.name
		}
	}
	if text == "" {
		return "0"
	}
	return strings.TrimSpace(text)
}
