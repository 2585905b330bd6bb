package cli

import (
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// newRoot makes the command line. Completion scripts go to the output that is set
// when their commands are made.
func (p *program) newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "ptcheck",
		Short: "Model checker for the boot pagetable protocol",
		Long: `ptcheck checks how a kernel builds its first real pagetable through its
paravirt hooks, natively and under Xen. It runs the hook code itself, looks at
every store and hypercall, and reports the shortest way to whatever goes wrong.

Exit codes: 0 holds as asked, 1 violated or different, 2 bad input, an output that
failed or a fault of the checker, 3 stopped by a limit or interrupted before the question was
answered. Ctrl-C ends a command with a partial verdict; a second one kills it.`,
		Example: `  ptcheck explore --depth=8
  ptcheck boot --map config.json
  ptcheck audit vmcore
  ptcheck replay ptcheck-xen-crash.pt
  ptcheck show ptcheck-xen-crash.pt`,
		Version:       versionText(debug.ReadBuildInfo()),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	addProgress(root)
	root.AddCommand(p.newExplore(), p.newMerge(), newBoot(), newAudit(), newDiff(), p.newReplay(), p.newShow(), p.newServe(), newJudge(), newWatch(), newDrive(), newConform(), p.newMutants(), p.newCorpus(), p.newList(), p.newExplain(), newInit(), newMan(), newVersion())
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	exampleCompletions(root)
	polish(root)
	return root
}

// addProgress gives all commands the flag --progress.
func addProgress(root *cobra.Command) {
	var progress string
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.Contains(progressWords(), progress) {
			return flagValueError(cmd.Name(), "progress", progress, progressWords())
		}
		return nil
	}
	root.PersistentFlags().StringVar(&progress, "progress", "auto", "show progress on stderr: auto (on a terminal), always, never")
	completeFlag(root, "progress", progressWords)
}

// exampleCompletions gives the commands that cobra adds examples, too.
func exampleCompletions(root *cobra.Command) {
	for path, example := range map[string]string{
		"help":                  "  ptcheck help boot",
		"completion":            "  ptcheck completion bash",
		"completion bash":       "  ptcheck completion bash > /etc/bash_completion.d/ptcheck",
		"completion zsh":        "  ptcheck completion zsh > \"${fpath[1]}/_ptcheck\"",
		"completion fish":       "  ptcheck completion fish > ~/.config/fish/completions/ptcheck.fish",
		"completion powershell": "  ptcheck completion powershell | Out-String | Invoke-Expression",
	} {
		if cmd, _, err := root.Find(strings.Fields(path)); err == nil {
			cmd.Example = example
		}
	}
}
