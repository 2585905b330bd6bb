// Package all lists the systems that come with ptcheck.
package all

import (
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/example/mmuupdate"
	"github.com/ptcheck/ptcheck/systems/example/shadow"
	"github.com/ptcheck/ptcheck/systems/hostile"
	"github.com/ptcheck/ptcheck/systems/lab"
	"github.com/ptcheck/ptcheck/systems/life"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// Systems lists them, a line each.
func Systems() []systems.System {
	return []systems.System{
		boot.Native(),
		boot.Xen(),
		boot.Buffer(),
		boot.TopDown(),
		life.Both(),
		life.Native(),
		life.Xen(),
		life.SMP(),
		boot.OnBareMetal("shadow", "example: a guest that announces its changes to a shadowing hypervisor", shadow.Ops, shadow.Rules()...),
		boot.UnderXen("mmu-update", "example: a guest of Xen that writes every entry by hypercall", mmuupdate.Ops),
		pvdp.Adversary(),
		pvdp.Reference(),
		hostile.System(),
		lab.System(),
	}
}
