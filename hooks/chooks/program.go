package chooks

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Program is compiled C code with tables of hooks.
type Program struct {
	path   string
	lines  *lines
	tables []string
	limits limits
}

// limits are how long a hook may take.
type limits struct {
	work time.Duration // of the processor, in a call; hooks need some microseconds
	wait time.Duration // on the clock, for a message
	look time.Duration // between two looks at a process that says nothing
}

// Build compiles the C files of a module, which are best embedded into it, beside the file
// that calls Build: reports name them relative to its folder. The compiler is $CC or the
// first of cc, gcc and clang, with $CFLAGS; without one the error is [ErrNoCompiler]. What
// the compiler complains of is an error of one line.
func Build(files fs.FS) (*Program, error) {
	_, caller, _, _ := runtime.Caller(1)
	return build(files, filepath.Dir(caller))
}

func build(files fs.FS, root string) (*Program, error) {
	s, err := newSource(files, root)
	if err != nil {
		return nil, err
	}
	p := &Program{limits: limits{work: time.Second / 10, wait: 20 * time.Second, look: time.Second / 25}}
	if p.path, err = s.build(); err != nil {
		return nil, err
	}
	if p.lines, err = readLines(p.path); err != nil {
		return nil, err
	}
	out, err := exec.Command(p.path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("chooks: the C program does not start: %w", err)
	}
	p.tables = strings.Fields(string(out))
	slices.Sort(p.tables)
	return p, nil
}

// Tables are the names of the tables of hooks, sorted.
func (p *Program) Tables() []string { return slices.Clone(p.tables) }

// Lay returns a backend of the hooks of a table. Those that the table does not set are
// those of base.
func (p *Program) Lay(table string, base hooks.Ops) (hooks.Ops, error) {
	if !slices.Contains(p.tables, table) {
		return base, fmt.Errorf("chooks: no table of hooks is called %q: there are %q", table, p.tables)
	}
	pr, err := start(p.path, table, p.limits)
	if err != nil {
		return base, err
	}
	f := &fleet{program: p, table: table}
	f.idle = append(f.idle, newRunner(f, pr))
	base.Name = table
	for set := pr.set; set != 0; set &= set - 1 {
		n := bits.TrailingZeros64(set)
		hookTable()[n].install(&base, f.call(n))
	}
	return base, errors.Join(choose(&base, pr.says))
}

// choose takes over what a table says besides its hooks: shared_kernel_pmd, and the
// variants that are live at first.
func choose(o *hooks.Ops, says [2]uint64) error {
	const yes, no = 1, 2
	switch says[0] {
	case yes:
		o.SharedKernelPMD = true
	case no:
		o.SharedKernelPMD = false
	}
	if says[1]&1 == 0 {
		return nil
	}
	set, alloc := says[1]>>8&0xff, says[1]>>16&0xff
	if max(set, alloc) > uint64(model.VariantLate) {
		return fmt.Errorf("chooks: table %s: a variant at boot that there is not", o.Name)
	}
	o.BootSetPTE, o.BootAllocPT = model.Variant(set), model.Variant(alloc)
	return nil
}

// fleet is the processes of a table: as many as hooks are under way at a time.
type fleet struct {
	program *Program
	table   string

	mu   sync.Mutex
	idle []*runner
}

// call returns what runs a hook.
func (f *fleet) call(hook int) call {
	return func(k *hooks.Kernel, a, b uint64) uint64 {
		r := f.take()
		defer f.give(r)
		return r.run(k, key{hook, a, b})
	}
}

func (f *fleet) take() *runner {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.idle); n > 0 {
		r := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return r
	}
	return newRunner(f, nil)
}

func (f *fleet) give(r *runner) {
	r.abandon()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, r)
}
