package guests

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Group are refusals that came to the same: of the same kind of request, from the same function.
type Group struct {
	Name    string // of the request
	From    string // the functions that it came from, the innermost first
	Verdict Verdict
	Detail  string // of the first
	Answers []string
	Count   int
}

// Name is what a request is called.
func (x Request) Name() string {
	names := map[uint64]string{hypercall.MMUUpdate: "mmu_update", hypercall.SetGDT: "set_gdt", hypercall.UpdateVA: "update_va_mapping",
		hypercall.VMAssist: "vm_assist", hypercall.UpdateDescriptor: "update_descriptor", hypercall.MemoryOp: "memory_op",
		hypercall.MMUExt: "mmuext_op", hypercall.VCPU: "vcpu_op", hypercall.EventChannel: "event_channel_op"}
	name := names[x.Number]
	if x.Number == hypercall.MMUExt || x.Number == hypercall.MemoryOp {
		name += fmt.Sprintf(" %d", x.Operation)
	}
	return name
}

// From are the functions that a request came from. Those that only hand requests on are left out.
func (x Request) From(k *emulator.Kernel) string {
	var out []string
	for _, c := range x.Callers {
		name, _ := k.Function(c)
		if n := len(out); n == 0 || out[n-1] != name {
			out = append(out, name)
		}
	}
	return strings.Join(out, " < ")
}

// heedless are functions that make requests and do not look at the answer, or only warn of it: this
// is known, and written up in docs/findings.md. It is never written to.
var heedless = []string{"xen_mc_flush", "__xen_set_pte", "xen_set_identity_and_remap_chunk"}

// Joined joins refusals that came to the same.
func Joined(k *emulator.Kernel, list []*Refused) (out []*Group) {
	at := map[string]*Group{}
	for _, x := range list {
		g := &Group{Name: x.Site.Name(), From: x.Site.From(k), Verdict: x.Verdict, Detail: x.Detail}
		key := fmt.Sprint(g.Name, g.From, g.Verdict)
		if at[key] == nil {
			at[key] = g
			out = append(out, g)
		}
		g = at[key]
		g.Count++
		answer := x.Answer.String()
		if !slices.Contains(g.Answers, answer) {
			g.Answers = append(g.Answers, answer)
		}
	}
	return out
}

// Tally counts refusals by verdict, in words.
func Tally(list []*Refused) string {
	var n [len(verdicts)]int
	for _, x := range list {
		n[x.Verdict]++
	}
	var out []string
	for _, v := range Verdicts() {
		out = append(out, fmt.Sprintf("%d %s", n[v], v))
	}
	return strings.Join(out, ", ")
}

// Finding reports whether the kernel went on without what it was refused.
func (g *Group) Finding() bool { return g.Verdict == GoesOn || g.Verdict == Dies }

// Known reports whether that is known.
func (g *Group) Known() bool {
	return slices.ContainsFunc(heedless, func(name string) bool { return strings.HasPrefix(g.From, name) })
}

// String is the group in a line.
func (g *Group) String() string {
	known := ""
	if g.Finding() && g.Known() {
		known = "known: "
	}
	s := known + fmt.Sprintf("%s: %s of %s, from %s", g.Verdict, strings.Join(g.Answers, ", "), g.Name, g.From)
	if g.Count > len(g.Answers) {
		s += fmt.Sprintf(", %d boots", g.Count)
	}
	if g.Detail != "" {
		s += ": " + g.Detail
	}
	return s
}
