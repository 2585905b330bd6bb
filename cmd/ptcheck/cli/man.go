package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages into a folder",
		Long: `man writes a manual page for each command into a folder, which it makes if it is
not there. The pages are the same on every machine and every day.`,
		Example: `  ptcheck man share/man/man1
  MANPATH=share/man man ptcheck-explore`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return writeManuals(cmd.Root(), args[0]) },
	}
}

// writeManuals writes the page of each command.
func writeManuals(root *cobra.Command, dir string) (err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("man: %w", err)
	}
	eachCommand(root, func(cmd *cobra.Command) {
		if err != nil || cmd != root && !cmd.IsAvailableCommand() || cmd.IsAdditionalHelpTopicCommand() {
			return
		}
		var page []byte
		if page, err = manual(cmd); err == nil {
			name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
			if err = wholefile.Write(filepath.Join(dir, name), page); err != nil {
				err = fmt.Errorf("man: %w", err)
			}
		}
	})
	return err
}

// manual is the page of a command, without a date.
func manual(cmd *cobra.Command) ([]byte, error) {
	cmd.DisableAutoGenTag = true
	long := cmd.Long
	cmd.Long = verbatim(long)
	defer func() { cmd.Long = long }()
	epoch := time.Unix(0, 0).UTC()
	var page bytes.Buffer
	if err := doc.GenMan(cmd, &doc.GenManHeader{Section: "1", Source: "ptcheck", Manual: "ptcheck manual", Date: &epoch}, &page); err != nil {
		return nil, fmt.Errorf("man: %s: %w", cmd.CommandPath(), err)
	}
	return bytes.Replace(page.Bytes(), []byte(`"Jan 1970"`), []byte(`""`), 1), nil
}

// verbatim marks the rows of tables, which are indented, so that the manual page keeps
// their line ends.
func verbatim(text string) string {
	var out []string
	table := false
	for line := range strings.SplitSeq(text, "\n") {
		row := strings.HasPrefix(line, "  ")
		if row != table && line != "" {
			out = append(out, "")
			table = row
		}
		if row {
			line = "  " + line // Markdown's code begins in column 5
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
