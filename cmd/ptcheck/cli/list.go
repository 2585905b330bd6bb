package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/machines"
	"github.com/ptcheck/ptcheck/internal/columns"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/recorded"
	"github.com/ptcheck/ptcheck/traces/image/audit"
)

func (p *program) newList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List rules and systems",
		Example: "  ptcheck list",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.list(cmd.OutOrStdout()) },
	}
}

func (p *program) list(out io.Writer) error {
	var rules, images, driven, known [][2]string
	for _, r := range p.rules() {
		rules = append(rules, [2]string{r.ID, r.Says})
	}
	for _, r := range audit.Rules() {
		images = append(images, [2]string{r.ID, r.Says})
	}
	for _, r := range machines.Rules() {
		driven = append(driven, [2]string{r.Name, r.Says})
	}
	for _, name := range p.set.Names() {
		x, err := p.set.Find(name)
		if err != nil {
			return err
		}
		list, err := x.Searches(systems.Values{}, systems.Change{})
		if err != nil {
			return err
		}
		if len(list) == 1 {
			known = append(known, [2]string{name, x.About().Says + ": " + list[0].Scope})
			continue
		}
		known = append(known, [2]string{name, x.About().Says + "; its scopes:"})
		for _, s := range list {
			known = append(known, [2]string{"  " + s.Part, s.Scope})
		}
	}
	const indent = "  "
	_, err := fmt.Fprintf(out, "rules:\n%srules for memory images:\n%srules for driven kernels:\n%ssystems:\n%s",
		columns.Table(rules, indent, columns.Width), columns.Table(images, indent, columns.Width),
		columns.Table(driven, indent, columns.Width), columns.Table(known, indent, columns.Width))
	return err
}

// rules are the common rules, those for hostile guests, those for recordings, and those
// that systems bring with them.
func (p *program) rules() []invariants.Rule {
	rules := append(invariants.All(), recorded.Rules()...)
	for _, x := range p.set.All() {
		if own, ok := x.(systems.Ruled); ok {
			rules = append(rules, own.OwnRules()...)
		}
	}
	return rules
}
