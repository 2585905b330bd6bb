package life_test

import (
	"fmt"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/systems/life"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestX(t *testing.T) {
	o := kernel.Options{Preemptions: 1}
	o.Themes = strings.Split(os.Getenv("TH"), ",")
	b := life.Both()
	if os.Getenv("SMP") != "" {
		b = life.SMP()
	}
	d, _ := strconv.Atoi(os.Getenv("D"))
	s := kerneltest.New(t, b, o)
	ms, _ := strconv.Atoi(os.Getenv("MS"))
	r, err := explore.Run(t.Context(), func() explore.Model { return s.NewModel() }, explore.Options{Depth: d, FindAll: true, MaxStates: uint64(ms)})
	fmt.Println(s.Scope, r.States, r.Transitions, r.PerDepth, r.Duration, err)
	for _, f := range r.Findings {
		how, calls := kerneltest.Replay(s, f)
		fmt.Println(s.Inits[f.Init].Name, how, calls)
	}
}
