package chooks

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// A hook is one that can be written in C. The rows are numbered by their place; what the C
// side needs to know of them is made from them (see headers).
type hook struct {
	name  string // the field of struct pv_hooks
	call  string // how C calls it: h is the table, a and b the arguments
	value bool   // it returns a value
	// install puts the hook, which runs by call, into a backend.
	install func(o *hooks.Ops, call call)
}

// call runs a hook of C.
type call func(k *hooks.Kernel, a, b uint64) uint64

// hookTable lists the hooks of 2007.
func hookTable() []hook {
	return []hook{
		{"pagetable_setup_start", "(h->pagetable_setup_start)((pgd_t *)a)", false, func(o *hooks.Ops, c call) { o.PagetableSetupStart = ofVA(c) }},
		{"pagetable_setup_done", "(h->pagetable_setup_done)((pgd_t *)a)", false, func(o *hooks.Ops, c call) { o.PagetableSetupDone = ofVA(c) }},
		{"alloc_pt_init", "(h->alloc_pt_init)((pgd_t *)a, b)", false, func(o *hooks.Ops, c call) { o.AllocPT[model.VariantInit] = ofTable(c) }},
		{"alloc_pt", "(h->alloc_pt)((pgd_t *)a, b)", false, func(o *hooks.Ops, c call) { o.AllocPT[model.VariantLate] = ofTable(c) }},
		{"alloc_pd", "(h->alloc_pd)(a)", false, func(o *hooks.Ops, c call) { o.AllocPD = ofPFN(c) }},
		{"release_pt", "(h->release_pt)(a)", false, func(o *hooks.Ops, c call) { o.ReleasePT = ofPFN(c) }},
		{"release_pd", "(h->release_pd)(a)", false, func(o *hooks.Ops, c call) { o.ReleasePD = ofPFN(c) }},
		{"set_pte_init", "(h->set_pte_init)((pte_t *)a, (pte_t){ b })", false, func(o *hooks.Ops, c call) { o.SetPTE[model.VariantInit] = ofEntry(c) }},
		{"set_pte", "(h->set_pte)((pte_t *)a, (pte_t){ b })", false, func(o *hooks.Ops, c call) { o.SetPTE[model.VariantLate] = ofEntry(c) }},
		{"set_pmd", "(h->set_pmd)((pmd_t *)a, (pmd_t){ b })", false, func(o *hooks.Ops, c call) { o.SetPMD = ofEntry(c) }},
		{"set_pud", "(h->set_pud)((pud_t *)a, (pud_t){ b })", false, func(o *hooks.Ops, c call) { o.SetPUD = ofEntry(c) }},
		{"set_pgd", "(h->set_pgd)((pgd_t *)a, (pgd_t){ b })", false, func(o *hooks.Ops, c call) { o.SetPGD = ofEntry(c) }},
		{"make_pte", "(h->make_pte)(a).pte", true, func(o *hooks.Ops, c call) { o.MakePTE = making(c) }},
		{"make_pmd", "(h->make_pmd)(a).pmd", true, func(o *hooks.Ops, c call) { o.MakePMD = making(c) }},
		{"make_pgd", "(h->make_pgd)(a).pgd", true, func(o *hooks.Ops, c call) { o.MakePGD = making(c) }},
		{"pte_val", "(h->pte_val)((pte_t){ a })", true, func(o *hooks.Ops, c call) { o.PTEVal = value(c) }},
		{"pmd_val", "(h->pmd_val)((pmd_t){ a })", true, func(o *hooks.Ops, c call) { o.PMDVal = value(c) }},
		{"pgd_val", "(h->pgd_val)((pgd_t){ a })", true, func(o *hooks.Ops, c call) { o.PGDVal = value(c) }},
		{"write_cr3", "(h->write_cr3)(a)", false, func(o *hooks.Ops, c call) {
			o.WriteCR3 = func(k *hooks.Kernel, root model.PA) { c(k, uint64(root), 0) }
		}},
		{"flush_tlb", "(h->flush_tlb)()", false, func(o *hooks.Ops, c call) { o.FlushTLB = func(k *hooks.Kernel) { c(k, 0, 0) } }},
		{"flush_tlb_single", "(h->flush_tlb_single)(a)", false, func(o *hooks.Ops, c call) { o.FlushTLBSingle = ofVA(c) }},
		{"activate_mm", "(h->activate_mm)((pgd_t *)a)", false, func(o *hooks.Ops, c call) { o.ActivateMM = ofVA(c) }},
		{"exit_mmap", "(h->exit_mmap)((pgd_t *)a)", false, func(o *hooks.Ops, c call) { o.ExitMMap = ofVA(c) }},
	}
}

func ofVA(c call) func(*hooks.Kernel, model.VA) {
	return func(k *hooks.Kernel, va model.VA) { c(k, uint64(va), 0) }
}

func ofPFN(c call) func(*hooks.Kernel, model.PFN) {
	return func(k *hooks.Kernel, pfn model.PFN) { c(k, uint64(pfn), 0) }
}

func ofTable(c call) func(*hooks.Kernel, model.VA, model.PFN) {
	return func(k *hooks.Kernel, pgd model.VA, pfn model.PFN) { c(k, uint64(pgd), uint64(pfn)) }
}

func ofEntry(c call) func(*hooks.Kernel, model.VA, model.Entry) {
	return func(k *hooks.Kernel, entry model.VA, e model.Entry) { c(k, uint64(entry), uint64(e)) }
}

func making(c call) func(*hooks.Kernel, uint64) model.Entry {
	return func(k *hooks.Kernel, val uint64) model.Entry { return model.Entry(c(k, val, 0)) }
}

func value(c call) func(*hooks.Kernel, model.Entry) uint64 {
	return func(k *hooks.Kernel, e model.Entry) uint64 { return c(k, uint64(e), 0) }
}
