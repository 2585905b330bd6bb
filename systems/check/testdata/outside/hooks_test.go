package mine_test

import (
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/check"

	"example.com/mine"
)

func with(set mine.Setter) systems.System {
	return boot.OnBareMetal("mine", "my platform", func() hooks.Ops {
		o := native.Ops()
		o.SetPTE[model.VariantLate] = set
		return o
	})
}

func TestPlain(t *testing.T) { check.Backend(t, with(mine.Plain), check.Levels(2)) }

func TestHere(t *testing.T) {
	check.Backend(t, with(func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		panic("not done") // mark: TestHere
	}), check.Levels(2))
}

func TestFatal(t *testing.T) {
	check.Backend(t, with(func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		t.Fatal("not done") // mark: TestFatal
	}), check.Levels(2))
}

func TestSpins(t *testing.T) {
	check.Backend(t, with(mine.Spins), check.Levels(2), check.Patience(time.Second))
}
