package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/internal/columns"
	"github.com/ptcheck/ptcheck/internal/names"
)

// polish makes every command refuse what it does not understand in one line that
// says what was probably meant and where to read on.
func polish(root *cobra.Command) {
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(cmd, fmt.Errorf("%w%s", plainFlagError(err), flagGuess(cmd, err)))
	})
	const flags = ".FlagUsages "
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), flags, fmt.Sprintf(".FlagUsagesWrapped %d ", columns.Width)))
	eachCommand(root, func(cmd *cobra.Command) {
		cmd.Long = columns.Page(cmd.Long, columns.Width)
		check := cmd.Args
		if check == nil {
			check = cobra.ArbitraryArgs
		}
		if cmd.HasSubCommands() {
			check = noSuchCommand
		}
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return hint(cmd, fmt.Errorf("%w; usage: %s", err, cmd.UseLine()))
			}
			return nil
		}
	})
}

// eachCommand visits a command and all below it.
func eachCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		eachCommand(sub, visit)
	}
}

// hint adds to a mistake in the command line where to read on.
func hint(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w; see '%s --help'", err, cmd.CommandPath())
}

// noSuchCommand refuses arguments of a command that only has commands below it.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			known = append(known, sub.Name())
		}
	}
	return fmt.Errorf("no command of %s is named %q%s", cmd.CommandPath(), args[0], didYouMean(args[0], known))
}

// plainFlagError says what a flag's value should be without the words of the library
// that has read it.
func plainFlagError(err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return err
	}
	f, why := wrong.GetFlag(), errors.Unwrap(wrong)
	want := map[string]string{
		"int": "a number", "uint64": "a number", "duration": "a time such as 90s or 5m", "bool": "true or false",
	}[f.Value.Type()]
	if want == "" {
		return fmt.Errorf("--%s: %w", f.Name, why)
	}
	return fmt.Errorf("--%s: want %s, not %q", f.Name, want, wrong.GetValue())
}

// flagGuess guesses which flag was meant by one that there is not.
func flagGuess(cmd *cobra.Command, err error) string {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return ""
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if name := names.Nearest(missing.GetSpecifiedName(), known); name != "" {
		return "; did you mean --" + name + "?"
	}
	return ""
}

// unknown is the error for a name that there is not.
func unknown(command, what, name string, known []string) error {
	if guess := didYouMean(name, known); guess != "" {
		return fmt.Errorf("%s: no %s is named %q%s", command, what, name, guess)
	}
	return fmt.Errorf("%s: no %s is named %q; there are %s", command, what, name, strings.Join(known, ", "))
}

// flagValueError is the error for a word that a flag does not know.
func flagValueError(command, flag, word string, words []string) error {
	return fmt.Errorf("%s: --%s %q: want %s%s", command, flag, word, strings.Join(words, ", "), didYouMean(word, words))
}

// unknownWord is the first of some words that is not among those that there are.
func unknownWord(words, known []string) string {
	for _, w := range words {
		if !slices.Contains(known, w) {
			return w
		}
	}
	return ""
}

// didYouMean is what to add to a refusal: the name that was probably meant.
func didYouMean(name string, known []string) string { return names.DidYouMean(name, known) }

// completeFlag has a flag's values completed from a list.
func completeFlag(cmd *cobra.Command, flag string, values func() []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // there is no such flag
	}
}

// completeFiles completes file names with the given endings.
func completeFiles(endings ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}
