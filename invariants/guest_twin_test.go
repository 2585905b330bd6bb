package invariants_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/hostile"
)

// mistakes are profiles with one mistake each, of those that are switched on, and one
// without any.
func mistakes(p model.Profile) []*model.Profile {
	out := []*model.Profile{&p}
	fields := reflect.TypeFor[model.Mutant]()
	for i := range fields.NumField() {
		if fields.Field(i).Type.Kind() == reflect.Bool {
			q := p
			reflect.ValueOf(&q.Mutant).Elem().Field(i).SetBool(true)
			q.Name = fields.Field(i).Name
			out = append(out, &q)
		}
	}
	return out
}

// guestTwins are two judges of the same guest: one counts every state anew, the other keeps
// count, as where memory is large.
type guestTwins struct {
	small, large *invariants.GuestJudge
	prev         *model.State
}

func newGuestTwins(m *hostile.Model) *guestTwins {
	g := &guestTwins{invariants.NewGuestJudge(m.State()), invariants.NewGuestJudge(m.State()), model.NewState(m.State().L)}
	m.Observe(g.small)
	m.Observe(g.large)
	return g
}

func (g *guestTwins) start(s *model.State) {
	g.prev.CopyFrom(s)
	g.small.From(g.prev)
	g.large.Enlarge(s)
}

// step makes a random operation. It reports whether the guest goes on, and what the judges
// say differently.
func (g *guestTwins) step(m *hostile.Model, rng *rand.Rand) (on bool, difference string) {
	codes := m.Calls(nil)
	if len(codes) == 0 {
		return false, ""
	}
	code := codes[rng.IntN(len(codes))]
	g.small.Begin(m.State(), false)
	g.large.Begin(m.State(), false)
	out := m.Apply(code)
	text := m.OpText(code)
	if g.small.Broken != g.large.Broken || g.small.Broken >= 0 && !reflect.DeepEqual(g.small.Detail, g.large.Detail) {
		return false, text + ": " + g.words("operation", g.small.Broken, g.large.Broken)
	}
	if out.Kind != explore.Moved {
		m.Restore()
		return g.small.Broken < 0, ""
	}
	a, b := g.small.State(m.State()), g.large.State(m.State())
	clash, d := g.large.Miscount(m.State())
	switch {
	case clash && a >= 0 && b >= 0:
		return false, "" // which of its types a frame has is a matter of the order of counting
	case d != "":
		return false, text + ": " + d
	}
	if a != b || a >= 0 && !reflect.DeepEqual(g.small.Detail, g.large.Detail) {
		return false, text + ": " + g.words("state", a, b)
	}
	g.large.Settled(m.State())
	m.Decode(m.Encode(nil))
	g.prev.CopyFrom(m.State())
	g.small.From(g.prev)
	return a < 0, ""
}

func (g *guestTwins) words(what string, a, b int) string {
	name := func(n int) string {
		if n < 0 {
			return "nothing"
		}
		return invariants.GuestRules()[n].ID
	}
	return "of the " + what + " a recount says " + name(a) + ", who keeps count " + name(b)
}

// TestGuestTwins lets guests of all scopes act at random against hypervisors with every
// mistake, under the eyes of a judge that recounts each state and of one that keeps count:
// they say the same.
func TestGuestTwins(t *testing.T) {
	found := 0
	scopes := longtest.Part(t, hostile.Scopes(), 5)
	for _, scope := range scopes {
		if strings.HasPrefix(scope.Name, "race") {
			continue // nothing is compared with the state before
		}
		rng := rand.New(rand.NewPCG(6, 7))
		for _, p := range mistakes(*scope.Options.Profile) {
			o := scope.Options
			o.Profile = p
			h, err := hostile.New(o)
			if err != nil {
				t.Fatal(err)
			}
			m, err := h.NewModel()
			if err != nil {
				continue // the builder's own tables do not pass
			}
			g := newGuestTwins(m)
			for range 4 {
				m.Init(0)
				g.start(m.State())
				for range 25 {
					on, d := g.step(m, rng)
					if d == "" && on {
						d = g.scribble(m.State(), rng)
					}
					if d != "" {
						t.Fatalf("%s, %s: %s", scope.Name, p.Name, d)
					}
					if !on {
						found++
						break
					}
				}
			}
		}
	}
	if found < len(scopes) {
		t.Errorf("%d walks ended with a finding or the guest's end", found)
	}
}

// scribble writes an entry to memory without asking anybody, and reports what the judges say
// differently of that. It takes the entry back.
func (g *guestTwins) scribble(s *model.State, rng *rand.Rand) string {
	frames, geo := s.L.Map.Frames(), s.L.Geo
	f, slot := model.Frame(rng.IntN(frames)), rng.IntN(geo.Words()*8/geo.Width)
	flags := [...]model.Entry{0, model.Present, model.Present | model.RW, model.Present | model.User, model.Present | model.Global | model.User, model.PSE}
	s.SetEntry(geo, f, slot, model.MakeEntry(s.L.Map.MFN(model.Frame(rng.IntN(frames))), flags[rng.IntN(len(flags))]))
	a, b := g.small.Verdicts(s), g.large.Verdicts(s)
	clash, d := g.large.Miscount(s)
	if !clash && d == "" && !slices.Equal(a, b) {
		d = fmt.Sprintf("a recount says %q, who keeps count %q", a, b)
	}
	if d != "" {
		d = fmt.Sprintf("scribbled %d[%d] %#x: %s", f, slot, s.Entry(geo, f, slot), d)
	}
	s.Undo()
	g.start(s)
	return d
}
