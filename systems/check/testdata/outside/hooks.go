// Package mine is a platform with a mistake that is planted in many ways.
package mine

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
)

// wrong is the first entry of the root that belongs to user space.
func wrong(k *hooks.Kernel) model.VA { return k.Base() }

// Setter is a set_pte.
type Setter = func(k *hooks.Kernel, ptep model.VA, pte model.Entry)

// Plain stores to the root.
func Plain(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	k.Write(wrong(k), 0) // mark: Plain
	native.SetPTE(k, ptep, pte)
}

// Direct stores without the kernel's accessor.
func Direct(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	k.M.Store(wrong(k), k.M.L.Geo.Width, 0) // mark: Direct
	native.SetPTE(k, ptep, pte)
}

// Closure returns a hook.
func Closure() Setter {
	calls := native.SetPTE
	return func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		k.Write(wrong(k), 0) // mark: Closure
		calls(k, ptep, pte)
	}
}

// Platform has hooks as methods.
type Platform struct{ set Setter }

// Method returns one of them as a value.
func Method() Setter { return (&Platform{native.SetPTE}).store }

func (p *Platform) store(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	k.Write(wrong(k), 0) // mark: Method
	p.set(k, ptep, pte)
}

// Generic is a hook for entries of any kind.
func Generic[E ~uint64](k *hooks.Kernel, ptep model.VA, pte E) {
	k.Write(wrong(k), model.Entry(0)) // mark: Generic
	native.SetPTE(k, ptep, model.Entry(pte))
}

// clear is so small that it becomes part of its caller.
func clear(k *hooks.Kernel) { k.Write(k.Base(), 0) } // mark: Inlined

// Inlined stores by it.
func Inlined(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	clear(k)
	native.SetPTE(k, ptep, pte)
}

// Borrowed stores by a hook of ptcheck's.
func Borrowed(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	native.SetPTE(k, wrong(k), 0) // mark: Borrowed
	native.SetPTE(k, ptep, pte)
}

// Flags stores a leaf with one flag too many, which is noticed when the call is over.
func Flags(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	native.SetPTE(k, ptep, pte|model.User) // mark: Flags
}

// Panics has a mistake of Go.
func Panics(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	var seen map[model.VA]bool
	seen[ptep] = true // mark: Panics
	native.SetPTE(k, ptep, pte)
}

// Waits for an entry that never appears.
func Waits(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	for k.Read(ptep) != pte { // mark: Waits
	}
}

// Spins without the machine.
func Spins(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	for ptep != 0 { // mark: Spins
	}
}
