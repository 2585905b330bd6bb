package trial

import (
	"fmt"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/hostile"
	"github.com/ptcheck/ptcheck/systems/pvdp"
	"strings"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/explore/shrink"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
)

// hostileSystem is the system of guests with many ways. Its scenarios are handled
// as text: shrinking leaves operations out, and no more.
const hostileSystem = "hyper"

// hostileWorld carries out operations, each of one line, or of several if it is a
// race. It is the world of the shrinker; its scope is all there is.
type hostileWorld struct {
	head   string // the lines that describe it
	change mutants.Change
	want   Verdict
}

var _ shrink.World[struct{}, string] = (*hostileWorld)(nil)

func (w *hostileWorld) play(ops []string) (*pvdp.AdversaryPlay, error) {
	f, err := script.Parse("scenario", []byte(w.head+strings.Join(ops, "")))
	if err != nil {
		return nil, err
	}
	return hostile.RunHostile(f, w.change.Judge)
}

// run carries operations out. Where one is impossible, nothing goes wrong.
func (w *hostileWorld) run(ops []string) Verdict {
	play, err := w.play(ops)
	if err != nil || play.Finding == nil {
		return Verdict{}
	}
	return Verdict{Kind: explore.Violated, What: play.Finding.Rule}
}

// Try implements [shrink.World].
func (w *hostileWorld) Try(_ struct{}, ops []string) ([]string, bool) {
	return ops, w.run(ops).Meets(w.want)
}

// Scopes implements [shrink.World].
func (w *hostileWorld) Scopes(struct{}) []struct{} { return nil }

// CompareScopes implements [shrink.World].
func (w *hostileWorld) CompareScopes(_, _ struct{}) int { return 0 }

// Compare implements [shrink.World].
func (w *hostileWorld) Compare(a, b string) int { return strings.Compare(a, b) }

// Alphabet implements [shrink.World]: the operations that there are.
func (w *hostileWorld) Alphabet(_ struct{}, ops []string) []string { return ops }

// Rewrites implements [shrink.World].
func (w *hostileWorld) Rewrites(struct{}, []string) [][]string { return nil }

// hostile is a scenario of such a guest.
type hostileScenario struct {
	world *hostileWorld
	ops   []string
}

func (h *hostileScenario) system() string { return hostileSystem }
func (h *hostileScenario) size() int      { return len(h.ops) }
func (h *hostileScenario) run() Verdict   { return h.world.run(h.ops) }

func (h *hostileScenario) under(c mutants.Change) scenario {
	return &hostileScenario{&hostileWorld{head: h.world.head, change: c}, h.ops}
}

func (h *hostileScenario) text(headline string) ([]byte, error) {
	return fmt.Appendf(nil, "# %s\n%s%s", headline, h.world.head, strings.Join(h.ops, "")), nil
}

func (h *hostileScenario) explain() (*reports.Finding, error) {
	play, err := h.world.play(h.ops)
	if err != nil {
		return nil, err
	}
	return play.Finding, nil
}

func (h *hostileScenario) shrink(want Verdict, tries int) (scenario, Shrunk, error) {
	if tries <= 0 {
		tries = 2000
	}
	h.world.want = want
	r, err := shrink.Shrink(h.world, shrink.Input[struct{}, string]{Ops: h.ops}, tries)
	if err != nil {
		return nil, Shrunk{}, fmt.Errorf("trial: %s: %w", hostileSystem, err)
	}
	return &hostileScenario{h.world, r.Ops}, Shrunk{From: len(h.ops), To: len(r.Ops), Tries: r.Tries, Minimal: r.Minimal}, nil
}

// readHostile cuts a script into the lines that describe the world and its
// operations.
func (t *Trial) readHostile(f *script.File, h header) ([]systems.Answer, error) {
	play, err := hostile.RunHostile(f, h.change.Judge)
	if err != nil {
		return nil, err
	}
	w := &hostileWorld{change: h.change}
	out := &hostileScenario{world: w}
	race := false
	for _, l := range f.Lines {
		switch {
		case l.Op == nil || systems.IsHeader(l.Op):
		case isFrame(l.Op):
			w.head += l.Op.String() + "\n"
		case race:
			out.ops[len(out.ops)-1] += l.Op.String() + "\n"
			race = l.Op.Name != "go"
		default:
			out.ops = append(out.ops, l.Op.String()+"\n")
			race = l.Op.Name == "stop"
		}
	}
	t.what = out
	return play.Answers, nil
}
