package cli

import (
	"fmt"
	"runtime/debug"
)

// version is the release; the linker may set it.
var version string

// versionText says which version this is: the module's, and the revision that it
// was built from where the go tool has noted it.
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
