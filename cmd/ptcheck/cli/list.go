package cli

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/systems"
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
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "rules:")
	for _, r := range p.rules() {
		fmt.Fprintf(w, "  %s\t%s\n", r.ID, r.Says)
	}
	fmt.Fprintln(w, "rules for memory images:")
	for _, r := range audit.Rules() {
		fmt.Fprintf(w, "  %s\t%s\n", r.ID, r.Says)
	}
	fmt.Fprintln(w, "systems:")
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
			fmt.Fprintf(w, "  %s\t%s: %s\n", name, x.About().Says, list[0].Scope)
			continue
		}
		fmt.Fprintf(w, "  %s\t%s; its scopes:\n", name, x.About().Says)
		for _, s := range list {
			fmt.Fprintf(w, "    %s\t%s\n", s.Part, s.Scope)
		}
	}
	return w.Flush()
}

func (p *program) newExplain() *cobra.Command {
	return &cobra.Command{
		Use:     "explain RULE",
		Short:   "Explain a rule: what it says, when it applies, where it comes from",
		Example: "  ptcheck explain tables-read-only",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i := slices.Index(p.ruleIDs(), args[0])
			if i < 0 {
				return unknown("explain", "rule", args[0], p.ruleIDs())
			}
			w := cmd.OutOrStdout()
			if i >= len(p.rules()) {
				r := audit.Rules()[i-len(p.rules())]
				fmt.Fprintf(w, "%s\n\n%s\n\n", r.ID, r.Says)
				fmt.Fprintf(w, "applies:          %s\nsource:           %s\ncannot tell:      %s\nexercised when:   an image is audited\n", r.Applies, r.Source, r.Limits)
				return nil
			}
			r := p.rules()[i]
			fmt.Fprintf(w, "%s\n\n%s\n\n", r.ID, r.Says)
			fmt.Fprintf(w, "applies:          %s\nsource:           %s\ncannot tell:      %s\nexercised when:   %s\n", r.Applies, r.Source, r.Limits, r.Goal)
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return p.ruleIDs(), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// rules are the common rules, those for hostile guests, and those that systems bring
// with them.
func (p *program) rules() []invariants.Rule {
	rules := invariants.All()
	for _, x := range p.set.All() {
		if own, ok := x.(systems.Ruled); ok {
			rules = append(rules, own.OwnRules()...)
		}
	}
	return rules
}

// ruleIDs are the names of the rules, those for memory images last.
func (p *program) ruleIDs() []string {
	var ids []string
	for _, r := range p.rules() {
		ids = append(ids, r.ID)
	}
	return append(ids, audit.RuleIDs()...)
}
