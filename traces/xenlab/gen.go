package xenlab

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Profile chooses what Generate may write. The zero value is everything that a
// 64-bit dom0 can do.
type Profile struct {
	// Width is the guest that the script is for.
	Width Width
	// DomU says that the guest is a domain without privileges, which has to ask for
	// its stores to tables to be carried out.
	DomU bool
	// L1TF says that an absent entry that names memory ends the guest: there are only
	// others, and one at the end of the script, for half of the seeds.
	L1TF bool
	// Themes are the kinds of scenario to write, by name (see Themes); none
	// means all of them. Generate panics on other names.
	Themes []string
	// NoStale leaves out what depends on the TLB keeping an entry that nobody
	// flushed: real processors promise nothing about it.
	NoStale bool
	// NoTitles leaves out the title before each scenario.
	NoTitles bool
}

// Themes returns the names of the kinds of scenario that Generate knows.
func Themes() []string {
	names := make([]string, len(themes))
	for i, t := range themes {
		names[i] = t.name
	}
	return names
}

// Generate returns a script of n operations, and a few more to finish its last
// scenario; the same for the same arguments. Scenarios have 30 to 60 operations
// or so, a theme each, begin with a reset and are independent of each other.
// They lean towards operations that Xen accepts, because deep states are
// reached by those, and towards the edges of what it accepts.
//
// A script never takes away the tables that the guest itself runs on (see
// gen_names.go), and neither reads nor mixes numbers of machine frames.
func Generate(seed uint64, n int, p Profile) []byte {
	g := &generator{
		Rand:    rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)),
		profile: p,
		themes:  selectThemes(p.Themes, p.Width),
	}
	for g.ops < n-1 { // the last operation is a reset
		g.scenario(n - 1)
	}
	if n > 0 {
		g.op("reset")
	}
	if n > 0 && p.L1TF && seed%2 == 1 {
		g.leak()
	}
	return g.out.Bytes()
}

// A generator writes one script.
type generator struct {
	*rand.Rand
	profile Profile
	themes  []weighted[theme]
	out     bytes.Buffer
	ops     int // operations so far
	count   int // scenarios so far
}

func selectThemes(names []string, w Width) []weighted[theme] {
	known := Themes()
	for _, n := range names {
		if !slices.Contains(known, n) {
			panic(fmt.Sprintf("oracle: generate: no theme %q", n))
		}
	}
	var chosen []weighted[theme]
	for _, t := range themes {
		if (w == Width64 || !t.only64) && (len(names) == 0 || slices.Contains(names, t.name)) {
			chosen = append(chosen, weighted[theme]{t.weight, t})
		}
	}
	return chosen
}

// op writes one operation.
func (g *generator) op(format string, args ...any) {
	g.ops++
	fmt.Fprintf(&g.out, format, args...)
	g.out.WriteByte('\n')
}

// scenario writes one scenario: a reset, what its theme sets up, moves of the
// theme mixed with moves of every theme, a last look around, and what a reset
// does not undo. It ends early where the script has enough operations.
func (g *generator) scenario(enough int) {
	t := pick(g.Rand, g.themes)
	g.count++
	if !g.profile.NoTitles {
		fmt.Fprintf(&g.out, "t %d %s\n", g.count, t.name)
	}
	g.op("reset")
	s := newScenario(g)
	if g.profile.DomU && s.chance(90) {
		g.op("assist 2 1")
	}
	end := min(g.ops+26+g.IntN(31), enough)
	if t.setup != nil {
		t.setup(s)
	}
	for n := 0; g.ops < end; n++ {
		if n%9 == 8 {
			s.look()
			continue
		}
		moves := t.moves
		if s.chance(20) {
			moves = commonMoves
		}
		pick(g.Rand, moves)(s)
	}
	s.look()
	g.op("types")
	s.finish()
}

// A weighted choice is made in proportion to its weight.
type weighted[T any] struct {
	weight int
	value  T
}

func pick[T any](r *rand.Rand, choices []weighted[T]) T {
	sum := 0
	for _, c := range choices {
		sum += c.weight
	}
	n := r.IntN(sum)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			return c.value
		}
	}
	panic("unreachable")
}

// oneOf returns one of some equally likely values; a value may be repeated to
// make it likelier.
func oneOf[T any](r *rand.Rand, values ...T) T {
	return values[r.IntN(len(values))]
}
