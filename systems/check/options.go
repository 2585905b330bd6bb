package check

import (
	"cmp"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// Option changes what is searched, or what is kept of it.
type Option func(*config)

// config is what the options say.
type config struct {
	values     systems.Values
	change     systems.Change
	engine     explore.Options
	depthGiven bool
	save       string // folder for scenarios; "": none
	reports    string // folder for reports; "": none
	command    string
}

func newConfig(opts []Option) *config {
	c := &config{values: systems.Values{}, command: "ptcheck"}
	for _, o := range opts {
		o(c)
	}
	return c
}

// Set gives a setting of the system a value, as the command line's flags do: for
// instance Set("profile", "xen-4.17"). What settings there are, the system says.
func Set(setting, value string) Option { return func(c *config) { c.values[setting] = value } }

// Levels keeps to geometries of these numbers of table levels, 2 to 4.
func Levels(levels ...int) Option {
	var words []string
	for _, n := range levels {
		words = append(words, strconv.Itoa(n))
	}
	return Set("levels", strings.Join(words, ","))
}

// Lowmem is the number of frames of low memory.
func Lowmem(frames int) Option { return Set("lowmem", strconv.Itoa(frames)) }

// Budget bounds the operations of a call (loads, stores, hypercalls, flushes): one that
// takes more is found as "crash hang". Without it a generous bound follows from the size
// of memory.
func Budget(operations int) Option { return Set("budget", strconv.Itoa(operations)) }

// Patience is how long a call may take on the clock before the test fails because of a
// hook that never returns, in milliseconds at least one. Without it, it is a minute.
func Patience(d time.Duration) Option {
	return Set("patience", strconv.FormatInt(d.Milliseconds(), 10))
}

// Twice makes every call twice from the same state, and fails if it does not come to the
// same both times: the hooks remember something of their own. Without it only the calls of
// some states are made twice.
func Twice() Option { return Set("recheck", "1") }

// Depth bounds the number of calls in a row; without it a search goes as deep as is
// its own, most until nothing new is found.
func Depth(calls int) Option {
	return func(c *config) { c.engine.Depth, c.depthGiven = calls, true }
}

// Timeout fails a test of which a search has not ended by then.
func Timeout(d time.Duration) Option { return func(c *config) { c.engine.Timeout = d } }

// Workers is the number of goroutines; no result depends on it.
func Workers(n int) Option { return func(c *config) { c.engine.Workers = n } }

// Patch replaces functions of the kernel: it plants a bug.
func Patch(patch func(*hooks.Ops, *hooks.Funcs)) Option {
	return func(c *config) { c.change.Kernel = patch }
}

// Change plants a bug of any kind.
func Change(change systems.Change) Option { return func(c *config) { c.change = change } }

// Save writes a counterexample into a folder as a scenario file, to be replayed and
// shown by a program that has the system in its list; see [Command].
func Save(dir string) Option { return func(c *config) { c.save = dir } }

// Reports writes what was found out into a folder, in every format of package reports,
// and the counterexample beside it.
func Reports(dir string) Option { return func(c *config) { c.reports = dir } }

// Command is how the program is called that replays counterexamples, for the report to
// say so: "ptcheck" unless it is given, which knows its own systems only. For a
// program of one's own it is something like "go run ./cmd/mine".
func Command(command string) Option { return func(c *config) { c.command = command } }

// environment is what the environment asks of a test. Each test has a folder of its own
// there: several share the environment.
func environment(test string) []Option {
	dir := os.Getenv("PTCHECK_REPORT")
	if dir == "" {
		return nil
	}
	return []Option{Reports(filepath.Join(dir, filepath.FromSlash(test)))}
}

// report writes the result in every format, if that is asked for.
func (c *config) report(r *Result) error {
	if c.reports == "" {
		return nil
	}
	var runs []reports.Run
	for _, o := range r.Searches {
		runs = append(runs, o.Run())
	}
	return reports.Save(c.reports, c.command, reports.New(version(), runs...))
}

// version is that of this module, in the program that runs.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return cmp.Or(m.Version, "(devel)")
		}
	}
	return cmp.Or(info.Main.Version, "(devel)")
}

// module is the path of this module.
const module = "github.com/ptcheck/ptcheck"
