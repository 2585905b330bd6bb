package cli

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/model/explore"
)

// version is the release; the linker may set it.
var version string

// newVersion prints what --version does, and what else the go tool has noted of the build.
func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version and how this program was built",
		Long:    "version prints the version of ptcheck, the revision of the source and its\ntime, and the toolchain, system and settings that the program was built with:\nwhat a bug report should say.",
		Example: "  ptcheck version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "ptcheck %s\n%s", versionText(info, ok), buildText(info, ok))
			return err
		},
	}
}

// buildText lists the settings of a build, one a line; empty ones are left out.
func buildText(info *debug.BuildInfo, ok bool) string {
	var b strings.Builder
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Value != "" {
			fmt.Fprintf(&b, "  %-14s %s\n", s.Key, s.Value)
		}
	}
	return b.String()
}

// versionText says which version this is: the module's, which may be one that the
// program's depends on, and the revision that the program was built from where the go
// tool has noted it.
func versionText(info *debug.BuildInfo, ok bool) string {
	text := version
	if !ok {
		if text == "" {
			return "unknown"
		}
		return text
	}
	if text == "" {
		text = info.Main.Version
		for _, m := range info.Deps {
			if m.Path == module {
				text = m.Version
			}
		}
	}
	if text == "" {
		text = "(devel)"
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = ", modified"
		}
	}
	if revision != "" {
		text += fmt.Sprintf(" (revision %s%s)", revision, modified)
	}
	return text + ", " + info.GoVersion
}

// module is the path of this module.
const module = "github.com/ptcheck/ptcheck"

// command is how this program is called from a shell; see commandOf.
func command() string { return commandOf(debug.ReadBuildInfo()) }

// commandOf is how a program is called: ptcheck, or, for one of another module, go run
// with its package, which works wherever in that module.
func commandOf(info *debug.BuildInfo, ok bool) string {
	if !ok || info.Path == "" || info.Path == "command-line-arguments" || strings.HasPrefix(info.Path, module+"/") {
		return "ptcheck"
	}
	return "go run " + info.Path
}

// thisProgram says which program this is, exactly: its version or, where code may have changed
// that the version does not know of, a hash of the executable besides.
func thisProgram() (string, error) {
	info, ok := debug.ReadBuildInfo()
	text := versionText(info, ok)
	if !pinned(info, ok) {
		hash, err := explore.ThisProgram()
		return text + ", program " + hash, err
	}
	if info.Main.Path != module {
		text = info.Main.Path + " " + info.Main.Version + ", " + text
	}
	return text, nil
}

// pinned reports whether the version says which code the program was built from.
func pinned(info *debug.BuildInfo, ok bool) bool {
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" || strings.HasSuffix(info.Main.Version, "+dirty") {
		return false
	}
	return !slices.ContainsFunc(info.Deps, func(m *debug.Module) bool { return m.Replace != nil })
}
