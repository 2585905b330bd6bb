package main

import "github.com/spf13/cobra"

// version is the release; the linker may set it.
var version = "0.1.0"

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "ptcheck",
		Short: "Model checker for the boot pagetable protocol",
		Long: `ptcheck checks how a kernel builds its first real pagetable through its
paravirt hooks, natively and under Xen. It runs the hook code itself, looks at
every store and hypercall, and reports the shortest way to whatever goes wrong.

Exit codes: 0 holds as asked, 1 violated or different, 2 bad input or a fault
of the checker, 3 stopped by a limit before the question was answered.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newExplore(), newBoot(), newReplay(), newConform(), newMutants(), newList(), newExplain())
	return root
}
