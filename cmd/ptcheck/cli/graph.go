package cli

import (
	"bytes"
	"fmt"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// dotGraph collects a state graph in Graphviz' dot language.
type dotGraph struct {
	search *systems.Search
	text   bytes.Buffer
}

func newDotGraph(t *systems.Search) *dotGraph {
	g := &dotGraph{search: t}
	fmt.Fprintf(&g.text, "digraph %q {\n  node [shape=circle]\n", t.System)
	return g
}

// edge adds a transition. What goes wrong ends in a node of its own.
func (g *dotGraph) edge(e explore.Edge) error {
	label := g.search.CallText(e.Call)
	switch e.Outcome.Kind {
	case explore.Moved:
		fmt.Fprintf(&g.text, "  %d -> %d [label=%q]\n", e.From, e.To, label)
	default:
		fmt.Fprintf(&g.text, "  %d -> \"%v %d\" [label=%q color=red]\n", e.From, e.Outcome.Kind, e.Outcome.Rule, label)
	}
	return nil
}

func (g *dotGraph) bytes() []byte {
	g.text.WriteString("}\n")
	return g.text.Bytes()
}
