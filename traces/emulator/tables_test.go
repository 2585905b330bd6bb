package emulator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

func symbolAt(addr uint64, name string) kernel.Symbol {
	return kernel.Symbol{Addr: addr, Type: 'T', Name: name}
}

// tablesOf are the tables that events leave.
func tablesOf(t *testing.T, events string) *Tables {
	t.Helper()
	n := map[byte]int{}
	for _, l := range strings.Split(events, "\n") {
		if l != "" {
			n[l[0]]++
		}
	}
	text := fmt.Sprintf("ptcheck-recording 1\n# arch i386\n# memory 1\n# smp 1\ne820 0 1000 usable\n%s# end stores %d controls %d flushes %d hypercalls 0 checks 1 differences 0\nsymbols 0\n",
		events, n['S'], n['C'], n['I'])
	r, err := kernel.NewReader("test", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	tb, err := ReadTables(r)
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

// TestLeaves: what tables map is read from the stores alone, in each mode.
func TestLeaves(t *testing.T) {
	for _, x := range []struct{ what, events, want string }{
		{"two levels", "C 1 0 11000 80000011 10 0\nM 2\nT 2 11 root 0\ne 0 1 12067\nT 1 12 0\ne 1 2 5003\n" +
			"S 1 11 300 0 8000e3 4 2 0\nS 1 12 1 5003 0 4 1 0\n",
			"2000:6000+1000 3, c0000000:800000+400000 8000e3, "},
		{"two levels without large pages", "C 1 0 11000 80000011 0 0\nM 2\nT 2 11 root 0\nS 1 11 0 0 120e7 4 2 0\nT 1 12 0\ne 0 1 5003\n",
			"0:5000+1000 3, "},
		{"PAE, a root within a frame", "C 1 0 11020 80000011 20 0\nM 3\nT 3 11 root 20\ne 4 1 12001\nT 2 12 0\ne 1 1 8000000000400083\n",
			"200000:400000+200000 8000000000400083, "},
		{"four levels", "C 1 0 11000 80000011 20 500\nM 4\nT 4 11 root 0\ne 100 1 12063\nT 3 12 0\ne 0 1 40000083\ne 1 1 13061\nT 2 13 0\ne 0 1 14067\nT 1 14 0\ne 0 1 5067\n",
			"ffff800000000000:40000000+40000000 40000083, ffff800040000000:5000+1000 5061, "},
		{"a new mode begins with nothing", "C 1 0 11000 80000011 10 0\nM 2\nT 2 11 root 0\ne 0 1 83\nC 1 0 13000 80000011 20 500\nM 4\nT 4 13 root 0\n", ""},
		{"no paging", "C 1 0 11000 11 0 0\n", ""},
	} {
		var got strings.Builder
		tablesOf(t, x.events).Leaves(func(l Leaf) bool {
			flags := l.Entry
			if l.Size == 4096 {
				flags &= 0xfff
				if l.Entry&address == 0x5000 && strings.HasPrefix(x.what, "four") {
					flags |= 0x5000
				}
			}
			fmt.Fprintf(&got, "%x:%x+%x %x, ", l.VA, l.PA, l.Size, flags)
			return true
		})
		if got.String() != x.want {
			t.Errorf("%s: %s\nwant %s", x.what, got.String(), x.want)
		}
	}
}
