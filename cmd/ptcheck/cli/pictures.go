package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/traces/golden"
	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/audit"
	"github.com/ptcheck/ptcheck/traces/pagemap"
)

// draw prints a map of the tables of a boot, or draws it into an SVG file.
func draw(w io.Writer, f *golden.File, svg string) error {
	m, err := pagemap.Of(f)
	if err != nil {
		return err
	}
	if svg == "" {
		return m.WriteText(w)
	}
	var picture bytes.Buffer
	if err := m.WriteSVG(&picture); err != nil {
		return err
	}
	if err := wholefile.Write(svg, picture.Bytes()); err != nil {
		return fmt.Errorf("boot: --svg: %w", err)
	}
	return nil
}

func newDiff() *cobra.Command {
	var words []string
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare what the page tables of two boots or memory images map",
		Long: `diff compares two boots range by range: what is mapped where, with which rights,
page size, flags and frames, which tables are shared, and how many there are. A
and B are golden dumps, whose recorded tables are taken, configurations, which
are booted, or memory images as audit reads them, whose first root is taken.
Frames are the guest's own numbers, so native and Xen boots can be compared.

--ignore leaves something out: frames, pagesize, tables (their number and
sharing), holes (whether nothing is mapped by no table, an empty one or the
hypervisor's), or flags: accessed, dirty, global, user, nx, rw, cache, avail.

Exit codes: 0 the same, 1 different, 2 bad input.`,
		Example: `  ptcheck diff before.json after.json
  ptcheck diff --ignore=frames,accessed,dirty before.json after.json
  ptcheck diff --ignore=tables,holes native.json xen.json
  ptcheck diff --ignore=frames,accessed,dirty before.elf after.elf`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ig, err := pagemap.ParseIgnore(words)
			if err != nil {
				return flagValueError("diff", "ignore", unknownWord(words, pagemap.IgnoreWords()), pagemap.IgnoreWords())
			}
			var maps [2]*pagemap.Map
			for i, path := range args {
				if maps[i], err = mapFile(path); err != nil {
					return err
				}
			}
			if err := pagemap.Comparable(maps[0], maps[1]); err != nil {
				return fmt.Errorf("diff: %w", err)
			}
			list := pagemap.Diff(maps[0], maps[1], ig)
			if len(list) == 0 {
				return nil
			}
			if err := pagemap.WriteDiff(cmd.OutOrStdout(), args[0], args[1], list); err != nil {
				return err
			}
			return exitError(exitViolated)
		},
		ValidArgsFunction: completeFiles("json", "gz"),
	}
	cmd.Flags().StringSliceVar(&words, "ignore", nil, "what does not count: "+strings.Join(pagemap.IgnoreWords(), ", "))
	completeFlag(cmd, "ignore", pagemap.IgnoreWords)
	return cmd
}

// mapFile draws what a file stands for: the tables of a golden dump, those that booting
// a configuration leaves, or those of a memory image.
func mapFile(path string) (*pagemap.Map, error) {
	if image.Sniff(path) {
		return mapImage(path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	f, err := golden.Decode(path, data)
	if err != nil {
		// Perhaps it is a configuration alone; if not, that says what is wrong.
		if f, err = bootFile(path); err != nil {
			return nil, err
		}
	}
	return pagemap.Of(f)
}

// mapImage draws what the first root of a memory image maps.
func mapImage(path string) (*pagemap.Map, error) {
	m, err := image.Open(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	a, err := audit.Run(m, audit.Options{})
	if err != nil {
		return nil, err
	}
	return a.Map(0)
}
