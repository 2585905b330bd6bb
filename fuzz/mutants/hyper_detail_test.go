package mutants

import (
	"context"
	"strings"
	"testing"
)

// TestHyperDetails wants the words in which findings of hostile guests say what is
// wrong: one for each rule and each way to break it.
func TestHyperDetails(t *testing.T) {
	for _, x := range []struct{ id, rule, want string }{
		{"X26", "hypervisor-lives", "the hypervisor would have died: the flush of a page outside the address space"},
		{"X34", "hypervisor-lives", "the hypervisor would have died: a reference is given back that nobody holds"},
		{"X43-writable", "tables-read-only", "entry f2[0] is f0:PW, writable at 0x0; f0 is in use as L2"},
		{"X39", "no-stale-write", "processor 0 still has page 0x0 cached as f2, writable; f2 is in use as L1"},
		{"X13", "no-stale-write", "processor 0 still has another domain's mapping of f2 cached, writable; f2 is in use as L1"},
		{"X29", "no-stale-write", "a device can still write to f2, which is in use as L1"},
		{"X41", "root-valid", "a processor's root is f1, which the hypervisor has as L1 x1"},
		{"X02-linear", "linear-one-deep", "entry f0[0] is f0:PW: L3 f0 names itself, writable"},
		{"X03", "linear-one-deep", "entry f0[0] is f0:PWU: a PAE root with an entry to a root"},
		{"X04", "linear-one-deep", "entry f0[0] is f2:P: both are L2, and f2 has a same-level entry itself"},
		{"X44-root", "one-type", "f3 is used as L2 and as L1"},
		{"X32", "partial-consistent", "f2 is L1 x1 partly validated, up to slot 0"},
		{"X33", "partial-consistent", "f3 is L3 x1 partly validated, up to slot 2; entry f3[1] is f4:P, and f4 is L2 x1 partly validated"},
		{"X24", "tables-valid", "entry f2[1] is f3:P in a validated L2; f3 is unused"},
		{"X12", "tables-valid", "f2 is in use as a descriptor table; descriptor 0 is 0x8f0000000000, which no guest may have"},
		{"X18", "tables-valid", "entry f1[0] is m0x200300002:P in a validated L1; it names no frame that the guest has"},
		{"X20", "tables-valid", "entry f1[0] is f2:P in a validated L1; f2 is unused, and not the guest's"},
		{"X17", "counts-agree", "f2 is W x1 by memory, pins and registers; the hypervisor has it as unused; references: 2, the hypervisor has 1"},
		{"X52", "counts-agree", "f0 is L2 x2 pinned, as memory, pins and registers have it; references: 3, the hypervisor has 4"},
		{"X06", "counts-agree", "f2 is L2 x1 pinned, as memory, pins and registers have it; same-level entries: 1, the hypervisor has 0"},
		{"X53-kill", "nothing-left", "the guest is gone; the hypervisor still has f1 as L1 x1 pinned; references: 1"},
		{"X15", "pins-kept", "f0 was pinned; after an operation that is no unpin it is L2 x1"},
		{"X27", "updates-land", "the update of page 0x0 changes f2; the kernel's tables have no L1 for it"},
		{"X23", "updates-land", "the update of page 0x0 changes f3; the kernel's tables lead to f1[0]"},
		{"X47", "stores-done", "after the store of 0x3 at 0x0 entry f1[0] is f0:W"},
	} {
		list, err := Find([]string{x.id})
		if err != nil {
			t.Fatal(err)
		}
		r, err := list[0].Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		s, err := list[0].Search()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.result.Findings {
			if s.Breaks(f).What != x.rule {
				continue
			}
			rep, err := explain(s, f, &list[0])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rep.Detail)
		}
		if strings.Join(got, "; ") != x.want {
			t.Errorf("%s, %s: %q, want %q", x.id, x.rule, got, x.want)
		}
	}
}
