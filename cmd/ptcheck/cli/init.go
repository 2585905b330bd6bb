package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/cmd/ptcheck/starter"
)

func newInit() *cobra.Command {
	var c, goes bool
	var m starter.Module
	cmd := &cobra.Command{
		Use:   "init --c|--go DIR",
		Short: "Write a module for hooks of your own",
		Long: `init writes a Go module with a backend of your own, in a folder that is empty or not
there. It runs at once: go run . is ptcheck for the hooks in it, and go test searches
them.

With --c the hooks are C, in DIR/c/mmu.c: those of a bare machine and of a guest of Xen,
to be replaced by your own. They are compiled with $CC, or cc, gcc or clang, whenever the
program runs, and need Linux. With --go they are Go.

The module uses the source that this program was built from, or that of --source; a
released ptcheck without its source is required by its version, and go mod tidy fetches
it.`,
		Example: `  ptcheck init --c mine
  cd mine && go run . explore`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m.Dir, m.Language = args[0], starter.Go
			if c {
				m.Language = starter.C
			}
			return initModule(cmd.OutOrStdout(), m)
		},
	}
	cmd.Flags().BoolVar(&c, "c", false, "hooks in C")
	cmd.Flags().BoolVar(&goes, "go", false, "hooks in Go")
	cmd.MarkFlagsOneRequired("c", "go")
	cmd.MarkFlagsMutuallyExclusive("c", "go")
	cmd.Flags().StringVar(&m.Path, "module", "", "path of the module (default example.com/ and the folder's name)")
	cmd.Flags().StringVar(&m.Source, "source", "", "folder of ptcheck's source")
	return cmd
}

// initModule writes a module and says what to do with it.
func initModule(out io.Writer, m starter.Module) error {
	if m.Source == "" {
		if m.Source = builtFrom(); m.Source == "" {
			if m.Version = released(debug.ReadBuildInfo()); m.Version == "" {
				return fmt.Errorf("init: the source of this program is not at hand, and it is no release: say --source")
			}
		}
	}
	names, err := starter.Write(m)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	for _, name := range names {
		fmt.Fprintln(out, filepath.Join(m.Dir, filepath.FromSlash(name)))
	}
	fmt.Fprintf(out, "\nnext:\n  cd %s\n", m.Dir)
	if m.Source == "" {
		fmt.Fprintln(out, "  go mod tidy")
	}
	_, err = fmt.Fprint(out, "  go run . explore\n  go test\n")
	return err
}

// builtFrom is the folder of the source that this program was built from, "" if it is not
// there.
func builtFrom() string {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil || !filepath.IsAbs(file) {
		return ""
	}
	return root
}

// released is the version of this module if it can be fetched by it: it is not one of a
// checkout.
func released(info *debug.BuildInfo, ok bool) string {
	if !ok {
		return ""
	}
	found := info.Main.Version
	for _, d := range info.Deps {
		if d.Path == module {
			found = d.Version
		}
	}
	if !regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`).MatchString(found) || found == "v0.0.0" {
		return ""
	}
	return found
}
