package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/machines"
	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/internal/columns"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/guests"
	"github.com/ptcheck/ptcheck/traces/image/audit"
)

// topic is a word that a report or a scenario can say, and what it means.
type topic struct {
	Name string
	Kind string // such as "rule"
	Says string
	Also string      // another name of it, "" for none
	More [][2]string // what else there is to say, under names
}

func (p *program) newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain WORD...",
		Short: "Explain a word of a report: a rule, a death, a bug, a flag",
		Long: `explain says what a word means that a report, a verdict or a scenario can say: rules,
ways in which a kernel dies, planted bugs and legal variations, calls and operations,
steps, verdicts, systems, frames, and entries or their flags, such as f5:PWUAD. Several
words are taken as one, such as crash bug.`,
		Example: "  ptcheck explain tables-read-only\n  ptcheck explain f5:PWUAD",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			word := strings.Join(args, " ")
			found := p.explained(word)
			if len(found) == 0 {
				return fmt.Errorf("explain: %q is no word of ptcheck's; 'ptcheck list' has rules and systems%s",
					word, didYouMean(word, p.words()))
			}
			return writeTopics(cmd.OutOrStdout(), found)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return p.words(), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// explained are the topics with a name; a word may mean several things.
func (p *program) explained(word string) []topic {
	var found []topic
	for _, t := range p.topics() {
		if t.Name == word || t.Also == word || t.Kind == kindDeath && ("crash-"+t.Name == word || "crash "+t.Name == word) {
			found = append(found, t)
		}
	}
	if len(found) > 0 {
		return found
	}
	for _, read := range []func(string) (topic, bool){flagsTopic, entryTopic} {
		if t, ok := read(word); ok {
			return []topic{t}
		}
	}
	return nil
}

// words are the names of all topics.
func (p *program) words() []string {
	var words []string
	for _, t := range p.topics() {
		words = append(words, t.Name)
		if t.Also != "" {
			words = append(words, t.Also)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// kindDeath is the kind of topics that are ways to die.
const kindDeath = "way in which a kernel dies"

// topics are all words, from the tables that they come from.
func (p *program) topics() []topic {
	var all []topic
	for _, r := range p.rules() {
		all = append(all, ruleTopic(&r))
	}
	for _, r := range audit.Rules() {
		all = append(all, topic{Name: r.ID, Says: r.Says, More: [][2]string{{"applies:", r.Applies}, {"source:", r.Source}, {"cannot tell:", r.Limits}}})
	}
	for _, r := range machines.Rules() {
		all = append(all, topic{Name: r.Name, Kind: "rule for driven kernels", Says: r.Says})
	}
	for _, k := range model.CrashKinds() {
		all = append(all, topic{Name: k.String(), Kind: kindDeath, Says: k.Says(), Also: k.Recorded()})
	}
	for _, m := range mutants.All() {
		all = append(all, topic{Name: m.ID, Kind: "planted bug", Says: m.What, More: [][2]string{{"source:", m.Source}, {"caught by:", m.Catch}}})
	}
	for _, v := range mutants.Variations() {
		all = append(all, topic{Name: v.ID, Kind: "legal variation", Says: v.What, More: [][2]string{{"source:", v.Source}}})
	}
	for _, s := range script.Specs() {
		all = append(all, topic{Name: s.Name, Kind: "line of a scenario", Says: s.Doc, More: [][2]string{{"syntax:", s.Syntax()}, {"example:", s.Example}}})
	}
	for op := range model.NumOps {
		all = append(all, stepTopic(op))
	}
	for _, v := range reports.Verdicts() {
		all = append(all, topic{Name: v.Word, Kind: "verdict", Says: v.Says})
	}
	for _, v := range guests.Verdicts() {
		all = append(all, topic{Name: v.String(), Kind: "what a kernel makes of a refusal", Says: v.Says()})
	}
	for _, x := range p.set.All() {
		all = append(all, topic{Name: x.About().Name, Kind: "system", Says: x.About().Says})
	}
	return all
}

func ruleTopic(r *invariants.Rule) topic {
	more := [][2]string{
		{"applies:", r.Applies}, {"source:", r.Source}, {"cannot tell:", r.Limits}, {"exercised when:", r.Goal},
	}
	if a := r.TraceApplies(); a != "" {
		more = append(more, [2]string{"in recordings:", a}, [2]string{"cannot tell there:", r.TraceLimits()})
	}
	return topic{Name: r.ID, Says: r.Says, More: more}
}

// stepTopic is the topic of a step that reports list.
func stepTopic(op model.Op) topic {
	row := op.Row()
	t := topic{Name: row.Name, Kind: "step of a call", Says: "What a call did, as reports list it; no hypercall."}
	if row.Hypercall {
		t.Says = "A hypercall, which may be refused."
		if row.Granted != "" {
			t.Says = "A hypercall that is always granted: " + row.Granted + "."
		}
	}
	for i := range row.Verbs {
		t.More = append(t.More, [2]string{row.Verbs[i].Name + ":", row.Verbs[i].Says})
	}
	return t
}

// flagsTopic reads a word as flags of an entry.
func flagsTopic(word string) (topic, bool) {
	t := topic{Name: word, Kind: "flags of an entry", Says: "The bits that are set, the lowest first."}
	for i := range len(word) {
		says := model.SayFlag(word[i])
		if says == "" {
			return t, false
		}
		t.More = append(t.More, [2]string{word[i : i+1], says})
	}
	return t, word != ""
}

// entryTopic reads a word as a frame, or as an entry that names one.
func entryTopic(word string) (topic, bool) {
	name, flags, entry := strings.Cut(word, ":")
	digits, ok := strings.CutPrefix(name, "f")
	if _, err := strconv.ParseUint(digits, 10, 32); !ok || err != nil {
		return topic{}, false
	}
	t := topic{Name: word, Kind: "frame", Says: "A page of physical memory, by its number from 0, as the kernel counts them (pfn)."}
	if !entry {
		return t, true
	}
	t, ok = flagsTopic(flags)
	t.Name, t.Kind = word, "entry"
	t.Says = "An entry of a table that names frame " + name + ". The bits that are set, the lowest first."
	return t, ok
}

func writeTopics(w io.Writer, list []topic) error {
	for i, t := range list {
		title := t.Name
		if t.Kind != "" {
			title += " (" + t.Kind + ")"
		}
		more := slices.DeleteFunc(t.More, func(row [2]string) bool { return row[1] == "" })
		text := title + "\n\n" + columns.Page(t.Says, columns.Width) + "\n"
		if len(more) > 0 {
			text += "\n" + columns.Table(more, "", columns.Width)
		}
		if i > 0 {
			text = "\n" + text
		}
		if _, err := io.WriteString(w, strings.TrimRight(text, "\n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}
