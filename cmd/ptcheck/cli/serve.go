package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ptcheck/ptcheck/cmd/ptcheck/serve"
	"github.com/ptcheck/ptcheck/systems"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	set      *systems.Set
	settings *settingFlags
	mutant   string
	host     string
	port     int
	open     bool
	keep     int
	memory   uint64
}

func (p *program) newServe() *cobra.Command {
	f := serveFlags{set: p.set, settings: newSettingFlags(p.set.Searched())}
	cmd := &cobra.Command{
		Use:   "serve SYSTEM|FILE",
		Short: "Walk a state graph, a scenario or a recording in the browser",
		Long: `serve prints the address of a local page and answers it until it is ended by
Ctrl-C. The page shows a state with its tables, the calls that are possible there
and what comes of each, and the verdict of every rule; a search can run in the
background, and the states seen so far can be asked for. The address of a state is
the way to it: it means the same in any run with the same command line.

Of a scenario or a recording the page steps through what happened, and where the
scenario is a way in a state graph, it can be left for other calls.

The page is on the loopback interface alone, its address holds a random token, and
it loads nothing from elsewhere.`,
		Example: `  ptcheck serve xen
  ptcheck serve xen --mutant=B03-xen
  ptcheck serve ptcheck-xen-crash.pt --port=8080 --open=false`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return p.set.Names(), cobra.ShellCompDirectiveDefault
		},
	}
	fl := cmd.Flags()
	f.settings.register(cmd)
	fl.StringVar(&f.mutant, "mutant", "", "plant this bug in the system")
	fl.StringVar(&f.host, "host", "127.0.0.1", "address of the loopback interface")
	fl.IntVar(&f.port, "port", 0, "port; 0: any that is free")
	fl.BoolVar(&f.open, "open", true, "open the page in the browser, if this is a terminal")
	fl.IntVar(&f.keep, "keep", 200_000, "number of states that are kept to be asked for")
	fl.Uint64Var(&f.memory, "max-memory", 1024, "MiB that a search in the background may use")
	return cmd
}

func (f *serveFlags) run(cmd *cobra.Command, name string) error {
	if f.keep < 1 {
		return fmt.Errorf("serve: --keep %d: want 1 or more", f.keep)
	}
	c, err := f.config(cmd, name)
	if err != nil {
		return err
	}
	l, err := serve.Listen(f.host, f.port)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	defer l.Close()
	s, err := serve.New(cmd.Context(), c)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	address := "http://" + l.Addr().String() + s.Base()
	fmt.Fprintf(cmd.OutOrStdout(), "%s\n", address)
	fmt.Fprintln(cmd.ErrOrStderr(), "ptcheck: serve: open this address in a browser; Ctrl-C ends it")
	if out, ok := cmd.OutOrStdout().(*outlet); ok && f.open && out.terminal() {
		browse(address)
	}
	if err := s.Serve(cmd.Context(), l); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// config is what a name on the command line asks for: a system, or a file.
func (f *serveFlags) config(cmd *cobra.Command, name string) (serve.Config, error) {
	c := serve.Config{Keep: f.keep, Memory: f.memory << 20, Command: strings.Join(append([]string{command(), "serve", name}, f.said(cmd)...), " ")}
	system, mutant := name, f.mutant
	if !slices.Contains(f.set.Names(), name) {
		file, err := openFile(cmd, f.set, name)
		if errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(name, "./\\") {
			return c, unknown("serve", "system", name, f.set.Names())
		}
		if err != nil {
			return c, err
		}
		if f.mutant != "" {
			return c, fmt.Errorf("serve: --mutant goes with a system: a file says itself which bug is planted")
		}
		c.File, system, mutant = file, file.System(), file.Mutant
	}
	x, err := f.set.Find(system)
	if err != nil && c.File != nil {
		return c, nil // what has been recorded has no searches
	}
	if err != nil {
		return c, fmt.Errorf("serve: %w", err)
	}
	c.Searches, err = f.searches(x, mutant)
	return c, err
}

// said are the flags that decide what is shown.
func (f *serveFlags) said(cmd *cobra.Command) []string {
	var out []string
	for _, s := range f.settings.flags {
		if s.given {
			out = append(out, fmt.Sprintf("--%s=%s", s.setting.Name, s.value))
		}
	}
	if f.mutant != "" {
		out = append(out, "--mutant="+f.mutant)
	}
	return out
}

// searches makes the searches of a system.
func (f *serveFlags) searches(x systems.System, mutant string) ([]*systems.Search, error) {
	v, err := systems.CheckValues(x, f.settings.values())
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	var change systems.Change
	if mutant != "" {
		if change, err = f.set.Bug(mutant, x); err != nil {
			return nil, fmt.Errorf("serve: --mutant: %w", err)
		}
	}
	list, err := x.Searches(v, change)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	return list, nil
}

// browse opens an address in the browser of the person at the terminal, where there is a
// way to ask for that. Nothing depends on it: the address has been printed.
func browse(address string) {
	ask := []string{"xdg-open", address}
	switch runtime.GOOS {
	case "darwin":
		ask[0] = "open"
	case "windows":
		ask = []string{"rundll32", "url.dll,FileProtocolHandler", address}
	default:
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return
		}
	}
	cmd := exec.Command(ask[0], ask[1:]...)
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }()
	}
}

// terminal reports whether a person reads what is written.
func (o *outlet) terminal() bool {
	f, ok := o.w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
