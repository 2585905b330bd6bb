package cli

import (
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/hostile"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/invariants"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List rules and systems",
		Example: "  ptcheck list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "rules:")
			for _, r := range allRules() {
				fmt.Fprintf(w, "  %s\t%s\n", r.ID, r.Says)
			}
			fmt.Fprintln(w, "systems:")
			for _, b := range all.Backends() {
				s, err := b.New(kernel.Options{Preemptions: 1, Failures: true})
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "  %s\t%s: %s\n", b.Name, b.Says, s.Scope)
			}
			fmt.Fprintln(w, "  adversary\ta guest that issues any hypercalls of an alphabet")
			fmt.Fprintln(w, "  pvdp\tthe adversary of the PV-DP reference model")
			fmt.Fprintln(w, "  hyper\ta hostile guest with more ways, in several scopes")
			fmt.Fprintln(w, "scopes of hyper:")
			for _, sc := range hostile.HostileScopes() {
				h, err := hostile.NewHostile(sc.Options)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "  %s\t%s: %s\n", sc.Name, sc.Says, h.Scope)
			}
			return w.Flush()
		},
	}
}

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:     "explain RULE",
		Short:   "Explain a rule: what it says, when it applies, where it comes from",
		Example: "  ptcheck explain tables-read-only",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i := slices.Index(ruleIDs(), args[0])
			if i < 0 {
				return unknown("explain", "rule", args[0], ruleIDs())
			}
			r := allRules()[i]
			w := cmd.OutOrStdout()
			fmt.Fprintf(w, "%s\n\n%s\n\n", r.ID, r.Says)
			fmt.Fprintf(w, "applies:          %s\nsource:           %s\ncannot tell:      %s\nexercised when:   %s\n", r.Applies, r.Source, r.Limits, r.Goal)
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleIDs(), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// allRules are the common rules, those for hostile guests, and those that backends bring with them.
func allRules() []invariants.Rule {
	rules := invariants.All()
	for _, b := range all.Backends() {
		rules = append(rules, b.Rules...)
	}
	return rules
}

// ruleIDs are the names of the rules.
func ruleIDs() []string {
	var ids []string
	for _, r := range allRules() {
		ids = append(ids, r.ID)
	}
	return ids
}
