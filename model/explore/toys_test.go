package explore

import (
	"encoding/binary"
	"math/rand/v2"
)

// grid is a walk on an n x n board from the corner: n*n states, diameter 2(n-1). Call 0 goes right,
// call 1 goes down; a step over the edge is skipped.
type grid struct{ n, x, y, wasX, wasY int }

func newGrid(n int) Factory { return func() Model { return &grid{n: n} } }

func (g *grid) Inits() int { return 1 }
func (g *grid) Init(int)   { g.x, g.y, g.wasX, g.wasY = 0, 0, 0, 0 }
func (g *grid) Encode(dst []byte) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(dst, uint32(g.x)), uint32(g.y))
}
func (g *grid) Decode(src []byte) {
	g.x, g.y = int(binary.LittleEndian.Uint32(src)), int(binary.LittleEndian.Uint32(src[4:]))
	g.wasX, g.wasY = g.x, g.y
}
func (g *grid) Calls(dst []uint64) []uint64 { return append(dst, 0, 1) }
func (g *grid) Restore()                    { g.x, g.y = g.wasX, g.wasY }
func (g *grid) Apply(call uint64) Outcome {
	if call == 0 {
		g.x++
	} else {
		g.y++
	}
	if g.x == g.n || g.y == g.n {
		return Outcome{Kind: Skipped}
	}
	return Outcome{}
}

// puzzle is the 2 x 3 sliding puzzle: 360 reachable positions, diameter 21. A position is the string of
// its tiles, the call is the cell that the gap moves to.
type puzzle struct{ cells, was [6]byte }

func newPuzzle() Model { return &puzzle{} }

func (p *puzzle) Inits() int               { return 2 } // the same position twice
func (p *puzzle) Init(int)                 { p.cells = [6]byte{1, 2, 3, 4, 5, 0}; p.was = p.cells }
func (p *puzzle) Encode(dst []byte) []byte { return append(dst, p.cells[:]...) }
func (p *puzzle) Decode(src []byte)        { copy(p.cells[:], src); p.was = p.cells }
func (p *puzzle) Restore()                 { p.cells = p.was }
func (p *puzzle) StateSize() int           { return 6 }
func (p *puzzle) gap() int {
	for i, c := range p.cells {
		if c == 0 {
			return i
		}
	}
	panic("no gap")
}
func (p *puzzle) Calls(dst []uint64) []uint64 {
	g := p.gap()
	if g%3 > 0 {
		dst = append(dst, uint64(g-1))
	}
	if g%3 < 2 {
		dst = append(dst, uint64(g+1))
	}
	return append(dst, uint64((g+3)%6))
}
func (p *puzzle) Apply(call uint64) Outcome {
	g := p.gap()
	p.cells[g], p.cells[call] = p.cells[call], 0
	if p.cells == [6]byte{1, 2, 3, 5, 4, 0} {
		return Outcome{Kind: Violated} // of the wrong parity: never
	}
	return Outcome{}
}

// graph is a random graph, the same for the same seed. Nodes are packed in a length of their own unless
// size is fixed.
type graph struct {
	inits      []int
	initsJudge []Outcome
	edges      [][]graphEdge
	bad        []Outcome // what CheckState says of a node
	size       int
}

type graphEdge struct {
	to      int
	outcome Outcome
}

// newGraph draws a graph. badness is the chance in percent that a transition or a state breaks a rule.
func newGraph(seed uint64, nodes, badness, size int) *graph {
	r := rand.New(rand.NewPCG(seed, 1))
	g := &graph{edges: make([][]graphEdge, nodes), bad: make([]Outcome, nodes), size: size}
	for range 1 + r.IntN(4) {
		g.inits = append(g.inits, r.IntN(nodes))
		o := Outcome{}
		if r.IntN(400) < badness {
			o = Outcome{Crashed, 7}
		}
		g.initsJudge = append(g.initsJudge, o)
	}
	for i := range g.edges {
		if r.IntN(200) < badness {
			g.bad[i] = Outcome{Violated, int16(10 + r.IntN(2))}
		}
		for range r.IntN(6) {
			e := graphEdge{to: r.IntN(nodes)}
			if r.IntN(3) > 0 { // stay near, for some depth
				e.to = (i + r.IntN(20)) % nodes
			}
			switch x := r.IntN(100); {
			case x < badness:
				e.outcome = Outcome{Kind(2 + r.IntN(2)), int16(r.IntN(3))}
			case x > 90:
				e.outcome.Kind = Skipped
			}
			g.edges[i] = append(g.edges[i], e)
		}
	}
	return g
}

// pack is the packed form of node n.
func (g *graph) pack(dst []byte, n int) []byte {
	if g.size > 0 {
		at := len(dst)
		for range g.size {
			dst = append(dst, byte(n))
		}
		binary.LittleEndian.PutUint16(dst[at:], uint16(n))
		return dst
	}
	dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
	for range n % 37 {
		dst = append(dst, byte(n))
	}
	return dst
}

// walker is the model of a graph.
type walker struct {
	*graph
	at, was int
	counts  []uint64
}

func (g *graph) factory() Factory {
	return func() Model {
		w := &walker{graph: g, counts: make([]uint64, 5)}
		if g.size > 0 {
			return struct {
				*walker
				sized
			}{w, sized(g.size)}
		}
		return w
	}
}

// sized makes a model a FixedSize.
type sized int

func (s sized) StateSize() int { return int(s) }

func (w *walker) Inits() int               { return len(w.inits) }
func (w *walker) Init(i int)               { w.at = w.inits[i]; w.was = w.at }
func (w *walker) Encode(dst []byte) []byte { return w.pack(dst, w.at) }
func (w *walker) Decode(src []byte)        { w.at = int(binary.LittleEndian.Uint16(src)); w.was = w.at }
func (w *walker) Restore()                 { w.at = w.was }
func (w *walker) Calls(dst []uint64) []uint64 {
	for i := range w.edges[w.at] {
		dst = append(dst, uint64(i)+1000)
	}
	return dst
}
func (w *walker) Apply(call uint64) Outcome {
	e := w.edges[w.at][call-1000]
	w.counts[e.outcome.Kind]++
	w.at = e.to
	return e.outcome
}
func (w *walker) CheckInit() Outcome {
	for i, n := range w.inits {
		if n == w.at && w.initsJudge[i].Kind != Moved {
			return w.initsJudge[i]
		}
	}
	return Outcome{}
}
func (w *walker) CheckState() Outcome { w.counts[4]++; return w.bad[w.at] }
func (w *walker) Counters() []uint64  { return w.counts }
