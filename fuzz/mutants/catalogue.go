package mutants

import (
	"slices"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// All returns every mutant, one row each.
func All() []Mutant {
	return slices.Concat(bootMutants(), rangeMutants(), unheeded(), bufferMutants(), judgeMutants(), hyperMutants(), neighbourMutants(), unclearedMutants(), protectionMutants(), lifeMutants(), smpMutants(), unlistedMutants(), togetherMutants(), tightMutants(), userModeMutants(), tlbMutants(), interruptMutants(), halvesMutants())
}

func bootMutants() []Mutant {
	const init = "Linux, arch/i386/mm/init.c"
	return []Mutant{
		{ID: "B02", What: "leaves of head.S keep their attributes", Source: init + " around b239fb25",
			Place: onNative(2), Catch: "leaf-rewritten", Steps: 2, Change: ofKernel(skipPresent)},
		{ID: "B03", What: "the L2 is always allocated anew", Source: init + ", 05b79bdcb48c",
			Place: onNative(3), Catch: "present-not-reallocated", Steps: 3, Change: ofKernel(newMiddle)},
		{ID: "B03-xen", What: "the L2 is always allocated anew", Source: init + ", 05b79bdcb48c",
			Place: onXen(4), Catch: "present-not-reallocated", Steps: 2, Change: ofKernel(newMiddle)},
		{ID: "B04", What: "the test for text does not advance within a table", Source: init + ", 05b79bdcb48c",
			Place: onNative(3), Catch: "leaf-rewritten", Steps: 2, Change: ofKernel(textOfTable)},
		{ID: "B06", What: "the zero page becomes the kernel's L2", Source: init + ", 05b79bdcb48c",
			Place: onNative(3), Catch: "zero-page-empty", Steps: 2, Change: ofKernel(zeroEverywhere)},
		{ID: "B08", What: "rewriting leaves makes table pages writable", Source: "Linux 15c84731d647",
			Place: onXen(3), Catch: "crash store-rejected", Steps: 2, Change: ofKernel(noFilter)},
		{ID: "B32", What: "NX in leaves of a processor without it", Source: "Linux a2ef5dc2c7cb",
			Place: onNative(3), Catch: "leaf-rewritten", Steps: 2, Change: ofKernel(eagerNX)},
		{ID: "B41", What: "the offset in the page is masked with the wrong mask", Source: "Linux 3b827c1b3aad",
			Place: onXen(3), Catch: "crash bug", Steps: 1, Change: ofKernel(wrongOffset)},
		{ID: "B44", What: "machine addresses lose what exceeds 32 bits", Source: "XenLinux 718b553a7d",
			Place: onXen(3), Catch: "crash store-rejected", Steps: 2, Change: ofKernel(shortFrames)},
		{ID: "L01", What: "the kernel's L2 stays writable when an address space is pinned", Source: "Linux 5deb30d194d2",
			Place: onXen(3), Catch: "crash bug", Steps: 7, Change: ofKernel(userPartOnly)},
		{ID: "L02", What: "the kernel's L2 is shared between address spaces", Source: "XenLinux 1818334292",
			Place: onXen(3), Catch: "crash bug", Steps: 7, Change: ofKernel(sharedPMD)},
		{ID: "L18", What: "L2 entries are written by plain stores", Source: "XenLinux bc1d3194fa",
			Place: onXen(3), Catch: "crash fault", Steps: 2, Change: ofKernel(storePMD)},
		{ID: "L24", What: "set_pte is called before it is set", Source: "Linux ab144f5ec64c",
			Place: onXen(3), Catch: "hook-order", Steps: 1, Change: ofKernel(forgetSetter)},
		{ID: "alloc-pt-writable", What: "new L1 tables are linked writable", Source: "Linux ab144f5ec64c, xen_alloc_pt_init",
			Place: onXen(3), Catch: "crash bug", Steps: 2, Change: ofKernel(writableL1)},
		{ID: "root-flags", What: "PAE root entries have reserved bits set", Source: "Intel SDM vol. 3, 4.4.1",
			Place: onNative(3), Catch: "pointer-flags", Steps: 1, Change: ofKernel(flagsInRoot)},
		{ID: "B21", What: "the new root is loaded while it is writable", Source: "Linux, arch/x86/xen/mmu.c, orders of the hand-over",
			Place: onXen(2), Catch: "crash bug", Steps: 1, Change: ofKernel(loadWritable)},
		{ID: "B35", What: "pages that are no tables become read-only", Source: "XenLinux dbd731f86b",
			Place: onXen(2), Catch: "crash fault", Steps: 2, Change: ofKernel(neverWritable)},
		{ID: "B36", What: "the kernel's pages are open to user code", Source: "XenLinux 7eb2ea0351, 65fd68d6d0",
			Place: onNative(2), Catch: "leaf-rewritten", Steps: 2, Change: ofKernel(userLeaves)},
		{ID: "no-zap", What: "low mappings stay", Source: init + ", zap_low_mappings",
			Place: onNative(2), Catch: "zap-complete", Steps: 5,
			Change: ofKernel(func(_ *hooks.Ops, f *hooks.Funcs) { f.ZapLowMappings = func(*hooks.Kernel) {} })},
	}
}

func judgeMutants() []Mutant {
	same := func(level int, old, now model.Entry) bool {
		return level == 1 && old.Is(model.Present) && old.MFN() == now.MFN()
	}
	const family = "Xen, the family of XSA-148 and XSA-182"
	return []Mutant{
		{ID: "X02", What: "a leaf that keeps its frame is stored unchecked, write permission included", Source: family,
			Place: underPVDP(2), Catch: "counts-agree", Steps: 1,
			Change: ofXen(model.Mutant{FastPath: func(_ *model.State, level int, old, now model.Entry) bool {
				return same(level, old, now) || old == now
			}})},
		{ID: "X02-unused", What: "the same, if nobody uses the frame as anything", Source: family,
			Place: underPVDP(2), Catch: "counts-agree", Steps: 2,
			Change: ofXen(model.Mutant{FastPath: func(s *model.State, level int, old, now model.Entry) bool {
				return same(level, old, now) && s.Info(s.L.Map.Frame(now.MFN())).T == 0 || old == now
			}})},
		{ID: "X43", What: "the result of an L1's audit is ignored: any contents will do", Source: "Xen b525c05cf9",
			Place: underPVDP(2), Catch: "tables-read-only", Steps: 3,
			Change: ofXen(model.Mutant{Audited: func(level int, rc model.Errno) model.Errno {
				if level == 1 {
					return model.OK
				}
				return rc
			}})},
		{ID: "X44", What: "the audit of an upper table returns success on failure", Source: "Xen 172bd99086",
			Place: underPVDP(3), Catch: "counts-agree", Steps: 3,
			Change: ofXen(model.Mutant{Audited: func(level int, rc model.Errno) model.Errno {
				if level > 1 {
					return model.OK
				}
				return rc
			}})},
	}
}
