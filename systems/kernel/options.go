package kernel

import (
	"slices"
	"strconv"
	"time"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// Options narrow or change a system.
type Options struct {
	// Levels are the numbers of table levels of the geometries, nil for all.
	Levels []int
	// Lowmem is the number of frames of low memory; 0 means the system's own.
	Lowmem int
	// Stale is the least number of leaves that the domain builder leaves with
	// other attributes than the kernel's; 0 means the family's own. Each one
	// doubles the states.
	Stale int
	// Profile is the hypervisor's rules: members of the family whose rules have its
	// name run under it. Nil stands for both Xen 3.1 and 4.17.
	Profile *model.Profile
	// Preemptions is the largest number of preemptions in a schedule of two calls
	// side by side, 0 to model.MaxPreemptions.
	Preemptions int
	// Failures has each hypercall of each call refused once, for want of memory.
	Failures bool
	// Interrupts has an interrupt come before each operation of a call where it can and
	// matters.
	Interrupts bool
	// Odd are the numbers of odd members, behind those of the family; see package
	// boot.
	Odd []int
	// Drawn are the names of drawn machines of package drawn, which boot instead of
	// the family.
	Drawn []string
	// Themes are the themes of life after boot to search, nil for all; several with plus
	// signs between are searched together.
	Themes []string
	// Combine is how many themes are searched together at most: 1, 2 or 3.
	Combine int
	// Sweep asks for combinations on all machines, with larger budgets.
	Sweep bool
	// Draw is where what is drawn of combinations comes from.
	Draw int
	// Special are the names of more starts of day of package life, behind those of the
	// family.
	Special []string
	// Budget is the largest number of operations of a call, of both together that run
	// side by side; 0 means that of the layout.
	Budget int
	// Patience is how long a call may take on the clock; 0 means the package's Patience.
	Patience time.Duration
	// Recheck is the number of states of which one has its calls made twice; 0 means the
	// package's Recheck, 1 every state.
	Recheck int
	// Symmetry has symmetric states count once; see [symmetric].
	Symmetry bool
	// Change is what is planted.
	Change systems.Change
	// Rules are checked besides those of package invariants.
	Rules []invariants.Rule
}

// Wants reports whether the options ask for a number of levels.
func (o *Options) Wants(levels int) bool {
	return len(o.Levels) == 0 || slices.Contains(o.Levels, levels)
}

// OptionsOf are the options that values of settings stand for, with a change planted.
func OptionsOf(v systems.Values, c systems.Change) Options {
	return Options{
		Levels: v.Numbers("levels"), Lowmem: v.Number("lowmem", 0), Stale: v.Number("stale", 0), Profile: v.Profile(),
		Preemptions: v.Number("preemptions", 1), Failures: v.On("failures", true), Interrupts: v.On("interrupts", true), Themes: v.Words("themes"),
		Budget: v.Number("budget", 0), Patience: time.Duration(v.Number("patience", 0)) * time.Millisecond,
		Recheck: v.Number("recheck", 0), Change: c,
		Combine: v.Number("combine", 3), Sweep: v.On("sweep", false), Draw: v.Number("draw", 1),
		Symmetry: v.Word("symmetry", "auto") == "on",
	}
}

// LowmemSetting asks for frames of low memory.
func LowmemSetting() systems.Setting {
	return systems.Setting{Name: "lowmem", Says: "frames of low memory (default: the system's own)", Kind: systems.Number, Max: 1 << 16}
}

// StaleSetting asks for leaves with the builder's attributes.
func StaleSetting() systems.Setting {
	return systems.Setting{Name: "stale", Says: "least number of leaves with the builder's attributes (default: the system's own)",
		Kind: systems.Number, Max: 1 << 16}
}

// FailuresSetting asks for hypercalls that are refused.
func FailuresSetting() systems.Setting {
	return systems.Setting{Name: "failures", Says: "have each hypercall of each call refused once, for want of memory",
		Kind: systems.Switch, Default: "true"}
}

// PreemptionsSetting bounds schedules.
func PreemptionsSetting() systems.Setting {
	return systems.Setting{Name: "preemptions", Says: "largest number of preemptions while two calls run side by side",
		Kind: systems.Number, Max: model.MaxPreemptions, Default: "1"}
}

// maxBudget bounds budgets that are asked for.
const maxBudget = 1 << 30

// BudgetSetting bounds calls, in operations of the machine.
func BudgetSetting() systems.Setting {
	return systems.Setting{Name: "budget", Says: "operations of a call beyond which it hangs (default: a generous bound that follows from its memory)",
		Kind: systems.Number, Max: maxBudget}
}

// PatienceSetting bounds calls on the clock.
func PatienceSetting() systems.Setting {
	return systems.Setting{Name: "patience", Says: "milliseconds after which a call is given up that does not touch the machine",
		Kind: systems.Number, Min: 1, Max: 1 << 30, Default: strconv.FormatInt(Patience.Milliseconds(), 10), Manner: true}
}

// RecheckSetting asks for calls that are made twice.
func RecheckSetting() systems.Setting {
	return systems.Setting{Name: "recheck", Says: "of so many states one has its calls made twice, to find hooks that remember something",
		Kind: systems.Number, Min: 1, Max: 1 << 30, Default: strconv.Itoa(Recheck), Manner: true}
}
