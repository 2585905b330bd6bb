package record

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// recorder writes the hook trace of a boot: hook calls by wrapping the
// backend's functions, allocations and hypercalls by observing the machine.
type recorder struct {
	file    *golden.File
	trace   *golden.Trace
	purpose string // of the allocation that comes next
}

// Step implements model.Observer.
func (r *recorder) Step(m *model.Machine, s *model.Step) {
	if s.Errno != model.OK {
		r.trace.HVReject(s.Op.String() + " " + s.Errno.String())
		return
	}
	switch s.Op {
	case model.OpBootmem:
		p := r.purpose
		if p == "" {
			p = golden.PurposePMDCopy
		}
		r.file.Bootmem = append(r.file.Bootmem, golden.Bootmem{PFN: uint64(s.Frame), Purpose: p})
		r.trace.Bootmem(uint64(s.Frame), p)
	case model.OpUpdateVA:
		r.trace.UpdateVA(uint64(s.VA), s.Value)
	case model.OpNewBaseptr:
		r.trace.NewBaseptr(s.Value)
	case model.OpPin:
		r.trace.PinL3(s.Value)
	case model.OpLoadCR3:
		r.trace.LoadCR3(uint64(model.PFN(s.Frame).PA()))
	}
}

// wrap puts the recorder around the hooks and the two functions that allocate
// tables.
func (r *recorder) wrap(ops *hooks.Ops, fn *hooks.Funcs) {
	r.wrapSetup(ops)
	r.wrapAlloc(ops, fn)
	for v, set := range ops.SetPTE {
		if set != nil {
			ops.SetPTE[v] = r.setter(set, r.trace.SetPTE)
		}
	}
	ops.SetPMD = r.setter(ops.SetPMD, r.trace.SetPMD)
	ops.SetPGD = r.setter(ops.SetPGD, r.trace.SetPGD)
}

type setFunc = func(*hooks.Kernel, model.VA, model.Entry)

// setter calls a set hook, then logs the value that is in memory.
func (r *recorder) setter(set setFunc, log func(pa, raw uint64)) setFunc {
	return func(k *hooks.Kernel, entry model.VA, e model.Entry) {
		set(k, entry, e)
		log(uint64(k.M.L.PA(entry)), uint64(k.Read(entry)))
	}
}

func (r *recorder) wrapSetup(ops *hooks.Ops) {
	start, done := ops.PagetableSetupStart, ops.PagetableSetupDone
	ops.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
		r.trace.SetupStart()
		start(k, base)
	}
	ops.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) {
		r.trace.SetupDone()
		done(k, base)
	}
}

func (r *recorder) wrapAlloc(ops *hooks.Ops, fn *hooks.Funcs) {
	for v, alloc := range ops.AllocPT {
		if alloc == nil {
			continue
		}
		ops.AllocPT[v] = func(k *hooks.Kernel, pgd model.VA, pfn model.PFN) {
			r.trace.AllocPT(uint64(pfn))
			alloc(k, pgd, pfn)
		}
	}
	allocPD := ops.AllocPD
	ops.AllocPD = func(k *hooks.Kernel, pfn model.PFN) {
		r.trace.AllocPD(uint64(pfn))
		allocPD(k, pfn)
	}
	md, pt := fn.OneMDTableInit, fn.OnePageTableInit
	fn.OneMDTableInit = func(k *hooks.Kernel, level int, entry model.VA) model.VA {
		r.purpose = golden.PurposePMD
		table := md(k, level, entry)
		r.purpose = ""
		return table
	}
	fn.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
		r.purpose = golden.PurposePTE
		table := pt(k, pmd)
		r.purpose = ""
		return table
	}
}
