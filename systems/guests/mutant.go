package guests

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Rules about guests, besides those for recordings.
const (
	ruleBoots   = "boots"           // the kernel gets to the end
	ruleNoticed = "refusal-noticed" // it stops or copes when a request is refused
)

// Mutant is a change of the code with which a kernel is a guest.
type Mutant struct {
	ID, Bug, Rule string
	// Where the change is: bytes of a function, in hex, ?? for any; what takes their place, from
	// byte At on.
	Function, Find, Put string
	At                  int
	// Refused is the request that is refused to see the bug, from the function Refused.From;
	// number 0: none is.
	Refused struct {
		Number uint64
		From   string
	}
}

// Mutants are the changes that can be planted. The patterns are those of Linux 6.1 and 6.12 as
// Debian builds them.
func Mutants() []Mutant {
	list := []Mutant{
		{ID: "X01", Bug: "pages stay writable that become tables", Rule: ruleBoots,
			Function: "make_lowmem_page_readonly", Find: "48 83 e6 fd", At: 3, Put: "ff"},
		{ID: "X02", Bug: "the first tables of its own stay writable", Rule: ruleBoots,
			Function: "set_page_prot_flags", Find: "48 89 c6 b8 0e 00 00 00 e8 ?? ?? ?? ?? 85 c0", At: 8, Put: "31 c0 90 90 90"},
		{ID: "X03", Bug: "a page's number is taken for that of its machine frame", Rule: ruleBoots,
			Function: "pin_pagetable_pfn", Find: "48 89 f0 75 ??", At: 3, Put: "eb"},
		{ID: "X04", Bug: "a table is pinned without a look at the answer", Rule: ruleNoticed,
			Function: "pin_pagetable_pfn", Find: "85 c0 74 02 0f 0b", At: 4, Put: "90 90"},
		{ID: "X05", Bug: "a page becomes writable again without a look at the answer", Rule: ruleNoticed,
			Function: "make_lowmem_page_readwrite", Find: "85 c0 75 0a", At: 2, Put: "90 90"},
	}
	list[3].Refused.Number, list[3].Refused.From = hypercall.MMUExt, "pin_pagetable_pfn"
	list[4].Refused.Number, list[4].Refused.From = hypercall.UpdateVA, "make_lowmem_page_readwrite < xen_pv_smp_prepare_boot_cpu"
	return list
}

// ErrNoPlace is the error for a mutant that a kernel has no place for.
var ErrNoPlace = errors.New("the kernel has no place for it")

// Plant returns a kernel with a mutant planted.
func (m *Mutant) Plant(k *emulator.Kernel) (*emulator.Kernel, error) {
	changed, err := k.Patched(m.Function, m.Find, 1, m.At, m.Put)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPlace, err)
	}
	return changed, nil
}

// Find finds a mutant by its name.
func Find(id string) (*Mutant, error) {
	list := Mutants()
	i := slices.IndexFunc(list, func(m Mutant) bool { return m.ID == id })
	if i < 0 {
		var ids []string
		for _, m := range list {
			ids = append(ids, m.ID)
		}
		return nil, fmt.Errorf("there is no mutant %q of guests; there are %v", id, ids)
	}
	return &list[i], nil
}

// Try boots a kernel with a mutant planted. It returns the rule that is broken, empty if none is,
// and what is wrong.
func (m *Mutant) Try(r *emulator.Runner, k *emulator.Kernel, on *Machine, stop string) (rule, detail string, err error) {
	changed, err := m.Plant(k)
	if err != nil {
		return "", "", err
	}
	run, err := Boot(r, changed, on, stop, nil)
	switch {
	case err != nil:
		return "", "", err
	case run.Stop != stop:
		return ruleBoots, run.Why(changed), nil
	case m.Refused.Number == 0:
		return "", "", nil
	}
	list := run.Sites()
	i := slices.IndexFunc(list, func(s Site) bool {
		return s.Number == m.Refused.Number && strings.HasPrefix(s.From(changed), m.Refused.From)
	})
	if i < 0 {
		return "", "", fmt.Errorf("guests: %s makes no such request", m.Refused.From)
	}
	refused, err := Boot(r, changed, on, stop, &Refusal{At: list[i].First, Errno: model.EINVAL})
	if err != nil {
		return "", "", err
	}
	if v, what := refused.Judge(changed, run); v == GoesOn || v == Dies {
		return ruleNoticed, fmt.Sprintf("refused, it %s: %s", v, what), nil
	}
	return "", "", nil
}
