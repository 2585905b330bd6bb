package recorded

import (
	"fmt"
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

func TestDbg(t *testing.T) {
	f := &suspects{}
	n := 0
	seen := map[string]int{}
	dbg = func(g *xenGuest, x *xenFinding) {
		n++
		seen[x.rule]++
		if seen[x.rule] > 3 {
			return
		}
		fmt.Println(x.rule, x.event.Line, x.text)
		if x.event.Number == 14 {
			e := model.Entry(x.event.Args[1])
			fr := g.s.L.Map.Frame(e.MFN())
			if fr >= 0 {
				fmt.Printf("   target f%x: %v G=%d flags %b cr3 f%x user %v\n", uint64(e.MFN()), g.s.InfoAt(fr), g.s.InfoAt(fr).G, g.s.InfoAt(fr).Flags, uint64(g.s.L.Map.MFN(g.s.CPU.CR3)), g.s.CPU.UserCR3)
			}
		}
	}
	_, m, err := replay("x", file(folder+"xen-dom0.rec.gz"), f)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(m.guest.counts, seen)
}
