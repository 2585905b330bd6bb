package cmmu

import ("testing";"time"
"github.com/ptcheck/ptcheck/hooks"
"github.com/ptcheck/ptcheck/native"
"github.com/ptcheck/ptcheck/xen"
"github.com/ptcheck/ptcheck/systems/boot"
"github.com/ptcheck/ptcheck/systems/check")

func TestTry(t *testing.T) {
	p, err := Build()
	if err != nil { t.Fatal(err) }
	t.Log(p.Tables())
	for _, n := range p.Tables() {
		t.Run(n, func(t *testing.T) {
		base := native.Ops()
		f := boot.OnBareMetal
		if n == "c-xen" { base = xen.Ops(); f = boot.UnderXen }
		o, err := p.Lay(n, base)
		if err != nil { t.Fatal(err) }
		s := time.Now()
		check.Backend(t, f(n, "x", func() hooks.Ops { return o }))
		t.Log(time.Since(s))
		})
	}
}
