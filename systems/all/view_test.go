package all_test

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
)

// TestRulesAreNumbered holds that the rules of a search have the numbers of its findings.
func TestRulesAreNumbered(t *testing.T) {
	for _, x := range all.Systems() {
		for _, s := range searches(t, x, systems.Change{}) {
			if len(s.Rules) == 0 {
				t.Errorf("%s: no rules", s.Title())
			}
			for i := range s.Rules {
				if got := s.Breaks(explore.Finding{Kind: explore.Violated, Rule: int16(i)}).What; got != s.Rules[i].ID {
					t.Errorf("%s: rule %d is %s, a finding says %s", s.Title(), i, s.Rules[i].ID, got)
				}
			}
		}
	}
}

// TestStoriesEndInTheStatesOfModels goes a few calls on in each search, and wants the story
// of the way to end in what the model is at, and the way to a start to be told as well.
func TestStoriesEndInTheStatesOfModels(t *testing.T) {
	for _, x := range all.Systems() {
		for _, s := range searches(t, x, systems.Change{}) {
			m := s.Model()
			m.Init(0)
			way := explore.Finding{}
			for range 3 {
				if got, want := told(t, s, way), s.View(m); len(way.Path) > 0 && !same(got, &want) {
					t.Errorf("%s: after %d calls the story ends elsewhere", s.Title(), len(way.Path))
				}
				code, ok := moves(m)
				if !ok {
					break
				}
				way.Path = append(way.Path, code)
			}
			if len(way.Path) == 0 {
				t.Errorf("%s: no call leads anywhere", s.Title())
			}
		}
	}
}

// told is the state in which the story of a way ends.
func told(t *testing.T, s *systems.Search, way explore.Finding) *reports.State {
	t.Helper()
	x, err := s.Scenario(way)
	if err != nil {
		t.Fatalf("%s: %v", s.Title(), err)
	}
	p, err := x.Play(systems.PlayOptions{Story: true, Lenient: true})
	if err != nil || p.Finding == nil || p.Finding.Wrong() || len(p.Finding.Calls) != x.Len() {
		t.Fatalf("%s: %+v, %v", s.Title(), p, err)
	}
	if c := p.Finding.Last(); c != nil {
		return &c.After
	}
	return &p.Finding.Initial
}

// moves makes the first call that leads to another state, and goes there.
func moves(m explore.Model) (uint64, bool) {
	here := string(m.Encode(nil))
	for _, c := range m.Calls(nil) {
		o := m.Apply(c)
		next := m.Encode(nil)
		m.Restore()
		if o.Kind == explore.Moved && string(next) != here {
			m.Decode(next)
			return c, true
		}
	}
	return 0, false
}

func same(a, b *reports.State) bool {
	d := reports.Compare(a, b)
	return d.Empty()
}

// outer is a model around another one that only stands there.
type outer struct{ explore.Model }

func (o outer) Inner() explore.Model { return o.Model }

// TestRunWith searches with models around those of the search: it finds the same.
func TestRunWith(t *testing.T) {
	for _, x := range all.Systems() {
		list := searches(t, x, systems.Change{})
		for _, s := range list[:min(1, len(list))] {
			o := explore.Options{Depth: 1, NoSymmetry: true}
			a, err := s.Run(context.Background(), o)
			b, err2 := s.RunWith(context.Background(), func(m explore.Model) systems.Outer { return outer{m} }, o)
			if err != nil || err2 != nil || a.States != b.States || a.Transitions != b.Transitions {
				t.Errorf("%s: %d states and %d, %v, %v", s.Title(), a.States, b.States, err, err2)
			}
		}
	}
}
