package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// polish makes every command refuse what it does not understand in one line that
// says what was probably meant and where to read on.
func polish(root *cobra.Command) {
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(cmd, fmt.Errorf("%w%s", err, flagGuess(cmd, err)))
	})
	eachCommand(root, func(cmd *cobra.Command) {
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
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return fmt.Errorf("no command of %s is named %q%s", cmd.CommandPath(), args[0], didYouMean(args[0], names))
}

// flagGuess guesses which flag was meant by one that there is not.
func flagGuess(cmd *cobra.Command, err error) string {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return ""
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if name := nearest(missing.GetSpecifiedName(), names); name != "" {
		return "; did you mean --" + name + "?"
	}
	return ""
}

// unknown is the error for a name that there is not.
func unknown(command, what, name string, names []string) error {
	if guess := didYouMean(name, names); guess != "" {
		return fmt.Errorf("%s: no %s is named %q%s", command, what, name, guess)
	}
	return fmt.Errorf("%s: no %s is named %q; there are %s", command, what, name, strings.Join(names, ", "))
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
func didYouMean(name string, names []string) string {
	if guess := nearest(name, names); guess != "" {
		return "; did you mean " + guess + "?"
	}
	return ""
}

// nearest returns the name that differs least from a word, "" if none is near.
// A name that begins with the word, or the other way round, is near.
func nearest(word string, names []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, n := range names {
		d := distance(strings.ToLower(word), strings.ToLower(n))
		if len(word) > 2 && (strings.HasPrefix(n, word) || strings.HasPrefix(word, n)) {
			d = 1
		}
		if d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with the
// next that turns a into b.
func distance(a, b string) int {
	var rows [3][]int // of the last three letters of a
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	for i := 0; i <= len(a); i++ {
		now, last, before := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		for j := 0; j <= len(b); j++ {
			switch {
			case i == 0 || j == 0:
				now[j] = i + j
			case a[i-1] == b[j-1]:
				now[j] = last[j-1]
			default:
				now[j] = 1 + min(last[j-1], last[j], now[j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					now[j] = min(now[j], 1+before[j-2])
				}
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

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
