package cli

import (
	"bytes"
	"fmt"

	"github.com/ptcheck/ptcheck/model/explore"
)

// dotGraph collects a state graph in Graphviz' dot language.
type dotGraph struct {
	target *target
	text   bytes.Buffer
}

func newDotGraph(t *target) *dotGraph {
	g := &dotGraph{target: t}
	fmt.Fprintf(&g.text, "digraph %q {\n  node [shape=circle]\n", t.name)
	return g
}

// edge adds a transition. What goes wrong ends in a node of its own.
func (g *dotGraph) edge(e explore.Edge) error {
	label := g.target.callText(e.Call)
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
