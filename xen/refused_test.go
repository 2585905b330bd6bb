package xen_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// mfn is the machine frame of a frame.
func mfn(k *hooks.Kernel, f model.Frame) model.MFN { return k.M.L.Map.MFN(f) }

// TestRefusedHypercalls makes the hypervisor refuse one hypercall of each hook, by
// doing before what the hook will ask for: the kernel must look at the answer, and
// die in the function that asked.
func TestRefusedHypercalls(t *testing.T) {
	for _, x := range []struct {
		what   string
		levels int
		fixmap int
		before func(k *hooks.Kernel) // all goes well here
		call   func(k *hooks.Kernel)
		dies   string
	}{
		{"the root that is loaded is mapped writable", 4, 7,
			func(*hooks.Kernel) {},
			func(k *hooks.Kernel) {
				require.Equal(t, model.EINVAL, k.M.Pin(4, mfn(k, 0)))
				k.PV.WriteCR3(k, 0)
			}, "xen_write_cr3"},
		{"setup_start gives up a root that is given up", 4, 7,
			func(k *hooks.Kernel) { require.Equal(t, model.OK, k.M.Unpin(mfn(k, 2))) },
			func(k *hooks.Kernel) { xen.PagetableSetupStart(k, k.Base()) }, "pin_pagetable_pfn"},
		{"setup_done pins a root that is pinned", 3, 7,
			func(k *hooks.Kernel) {
				hooks.SetupStart(k)
				start, end := hooks.FixmapRange(k.M.L)
				hooks.CreateRange(k, start, end)
				require.Equal(t, model.OK, k.M.Pin(3, mfn(k, 0)))
			},
			func(k *hooks.Kernel) { xen.PagetableSetupDone(k, k.Base()) }, "xen_pagetable_setup_done"},
		{"setup_done maps shared_info where there is no table", 3, 6,
			func(k *hooks.Kernel) { hooks.SetupStart(k) },
			func(k *hooks.Kernel) { xen.PagetableSetupDone(k, k.Base()) }, "set_pte_mfn"},
		{"a table that is none becomes writable", 3, 7,
			func(*hooks.Kernel) {},
			func(k *hooks.Kernel) { xen.MakeLowmemPageReadwrite(k, k.M.L.VA(model.PFN(2).PA())) }, "make_lowmem_page_readwrite"},
		{"a page without a table becomes read-only", 3, 7,
			func(*hooks.Kernel) {},
			func(k *hooks.Kernel) { xen.MakeLowmemPageReadonly(k, k.M.L.VA(model.PFN(20).PA())) }, "make_lowmem_page_readonly"},
	} {
		t.Run(x.what, func(t *testing.T) {
			k := kernel(t, withFixmap(guest(t, x.levels), x.fixmap))
			require.Nil(t, k.M.Run(func() { x.before(k) }))
			crash := k.M.Run(func() { x.call(k) })
			if assert.NotNil(t, crash, "the kernel goes on") {
				assert.Equal(t, model.CrashBug, crash.Kind, crash)
				assert.Equal(t, x.dies, crash.Where)
			}
		})
	}
}

// TestRefusedPins does the same for a second address space.
func TestRefusedPins(t *testing.T) {
	for _, x := range []struct {
		what   string
		before func(k *hooks.Kernel)
		call   func(k *hooks.Kernel)
		dies   string
	}{
		{"activate pins a root that is pinned",
			func(k *hooks.Kernel) {
				hooks.Activate(k)
				k.M.Kernel.SecondPinned = false
			},
			hooks.Activate, "xen_pgd_pin"},
		{"exit makes a table writable that is still in use",
			func(k *hooks.Kernel) {
				hooks.Activate(k)
				l2 := k.M.Entry(k.M.L.Geo, k.M.Kernel.Second, 0).MFN()
				require.Equal(t, model.OK, k.M.Pin(2, l2))
			},
			hooks.Exit, "pin_page"},
		{"exit unpins a root that is unpinned",
			func(k *hooks.Kernel) {
				hooks.Activate(k)
				require.Equal(t, model.OK, k.M.Unpin(mfn(k, k.M.Kernel.Second)))
			},
			hooks.Exit, "xen_pgd_unpin"},
	} {
		t.Run(x.what, func(t *testing.T) {
			k := booted(t, withFixmap(guest(t, 3), 7))
			require.Nil(t, k.M.Run(func() { hooks.Fork(k) }))
			require.Nil(t, k.M.Run(func() { x.before(k) }))
			crash := k.M.Run(func() { x.call(k) })
			if assert.NotNil(t, crash, "the kernel goes on") {
				assert.Equal(t, model.CrashBug, crash.Kind, crash)
				assert.Equal(t, x.dies, crash.Where)
			}
		})
	}
}
