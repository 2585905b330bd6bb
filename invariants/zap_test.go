package invariants

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ptcheck/ptcheck/model"
)

// TestZapComplete puts entries into the user half of a zapped root: what maps
// nothing may stay, what maps something or leads who knows where may not, and the
// root itself must stay reachable.
func TestZapComplete(t *testing.T) {
	zap := model.Call{Kind: model.CallZap}
	for _, x := range []struct {
		what string
		edit func(s *scene)
		want string
	}{
		{"all empty", func(*scene) {}, "held"},
		{"an entry that is not present", func(s *scene) { s.set(root, 0, entry(firstL1, final&^model.Present)) }, "held"},
		{"an empty table", func(s *scene) { s.set(root, 3, entry(empty, upper)) }, "held"},
		{"a table with a leaf that is not present", func(s *scene) {
			s.set(empty, 2, entry(data, final&^model.Present))
			s.set(root, 3, entry(empty, upper))
		}, "held"},
		{"a table with a leaf", func(s *scene) { s.set(root, 7, entry(firstL1, upper)) }, "broken"},
		{"a table beyond memory", func(s *scene) { s.set(root, 0, entry(1000, upper)) }, "broken"},
		{"a large page", func(s *scene) {
			s.CPU.CR4 = model.CR4PSE
			s.set(root, 1, entry(0, upper|model.PSE))
		}, "broken"},
		{"the root's own page is gone", func(s *scene) { s.set(firstL1, root, 0) }, "broken"},
		{"the root's own address leads elsewhere", func(s *scene) { s.set(firstL1, root, entry(data, final)) }, "broken"},
	} {
		s := newScene(t, "zap-complete", false)
		s.Kernel.Phase = model.PhaseZapped
		x.edit(s)
		assert.Equal(t, x.want, s.verdict(model.OpCallEnd, zap), x.what)
		assert.Equal(t, "silent", s.verdict(model.OpCallEnd, model.Call{Kind: model.CallMap}), "%s, after another call", x.what)
	}
}
