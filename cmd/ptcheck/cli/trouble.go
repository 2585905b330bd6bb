package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/systems"
)

// unfinished makes of a search that no verdict can come of, because of what the code
// under test does, an error that tells the whole story, and saves the way there.
func (f *verdictFlags) unfinished(cmd *cobra.Command, s *systems.Search, err error) error {
	var t systems.Trouble
	if !errors.As(err, &t) {
		return err
	}
	story := &storyError{t, systems.Story(t)}
	way, err := s.WayTo(t)
	if err != nil || way == nil || f.save == "" {
		return errors.Join(story, err)
	}
	name := filepath.Join(f.save, s.WayName(t))
	if err := wholefile.Write(name, way.Text()); err != nil {
		return errors.Join(story, fmt.Errorf("%s: the way there is not saved: %w", cmd.Name(), err))
	}
	story.text += "\nreplay: " + command() + " replay " + name
	return story
}

// storyError is trouble that is told in several lines.
type storyError struct {
	systems.Trouble
	text string
}

// Error implements error.
func (e *storyError) Error() string { return e.text }

// Unwrap returns the trouble.
func (e *storyError) Unwrap() error { return e.Trouble }

// caught turns a panic into the exit of the program: a fault of the checker, with its
// stack.
func caught(r any, stderr io.Writer) int {
	fmt.Fprintf(stderr, "ptcheck: a fault of the checker, please report it: %v\n%s", r, debug.Stack())
	return exitUsage
}
