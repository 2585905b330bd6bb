// Command try searches each of the platforms and prints what it finds.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/check"

	mine "example.com/mine"
)

func own(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	k.Write(k.Base(), 0) // mark: own
	native.SetPTE(k, ptep, pte)
}

func main() {
	for _, x := range []struct {
		name string
		set  mine.Setter
	}{
		{"Plain", mine.Plain}, {"Direct", mine.Direct}, {"Closure", mine.Closure()}, {"Method", mine.Method()},
		{"Generic", mine.Generic[model.Entry]}, {"Inlined", mine.Inlined}, {"Borrowed", mine.Borrowed},
		{"Flags", mine.Flags}, {"Panics", mine.Panics}, {"Waits", mine.Waits}, {"own", own},
	} {
		b := boot.OnBareMetal("mine", "my platform", func() hooks.Ops {
			o := native.Ops()
			o.SetPTE[model.VariantLate] = x.set
			return o
		})
		r, err := check.Run(context.Background(), b, check.Levels(2))
		if err != nil || r.Finding == nil {
			fmt.Fprintln(os.Stderr, x.name, "nothing found:", err)
			os.Exit(1)
		}
		site := r.Finding.Site()
		where := "nowhere"
		if steps := r.Finding.Last().Steps; len(steps) > 0 {
			where = steps[len(steps)-1].Where()
		}
		fmt.Printf("%s: %s, %s, %s, %s\n", x.name, r.Breaks, site.Function, site.Place(), where)
	}
}
