package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// The facts_*_test.go files hold KERNEL_FACTS: each test names the facts that it
// covers. They boot configurations that no recording has, read the result with
// their own code, and show with mutants of the kernel that they would notice.

// fact is a configuration and what must be true of its boot. Each mutant must
// make the check fail.
type fact struct {
	name    string
	config  golden.Config
	check   func(r *result)
	mutants []mutant
}

// mutant is a kernel with something wrong.
type mutant struct {
	name  string
	patch func(*hooks.Ops, *hooks.Funcs)
}

// holds checks facts and that their mutants break them.
func holds(t *testing.T, facts ...fact) {
	t.Helper()
	for _, f := range facts {
		t.Run(f.name, func(t *testing.T) {
			r := bootFact(t, &f.config, nil)
			f.check(r)
			for _, e := range r.wrong {
				t.Error(e)
			}
			for _, m := range f.mutants {
				r := bootFact(t, &f.config, m.patch)
				f.check(r)
				if len(r.wrong) == 0 {
					t.Errorf("mutant %q goes unnoticed", m.name)
				}
			}
		})
	}
}

// result is a finished boot and the complaints about it.
type result struct {
	*golden.File
	state *model.State
	steps []model.Step
	lines []string // of the trace
	pages map[pageID]map[int]uint64
	pfnOf *golden.M2P
	// loosened are frames whose mapping went from read-only to writable.
	loosened []model.Frame
	wrong    []string
}

type pageID struct {
	pa    uint64
	level int
	width int
}

// Begin makes a result an observer of its own boot.
func (r *result) Begin(s *model.State) { r.state = s }

// Step notes each step, and pages that it makes writable which were mapped
// read-only.
func (r *result) Step(m *model.Machine, s *model.Step) {
	r.steps = append(r.steps, *s)
	for w := range m.Writes {
		old, now := model.Entry(w.Old), model.Entry(m.Word(w.Frame, w.Word))
		if old.Is(model.Present) && now.Is(model.Present|model.RW) && !old.Is(model.RW) && old.MFN() == now.MFN() {
			r.loosened = append(r.loosened, m.L.Map.Frame(now.MFN()))
		}
	}
}

func (r *result) complain(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

// va is the direct-map address of a frame, slots the size of an L1 table.
func (r *result) va(pfn uint64) uint64 {
	return uint64(uint32(r.Config.PageOffset + pfn*golden.PageSize))
}
func (r *result) slots() uint64 { return uint64(r.Config.PtrsPerTable()) }

// want complains if something is not as it must be.
func want[T comparable](r *result, what string, got, want T) {
	if got != want && len(r.wrong) < 5 {
		r.complain("%s: %s, want %s", what, show(got), show(want))
	}
}

func show(v any) string {
	switch v.(type) {
	case uint64, model.Entry, model.VA:
		return fmt.Sprintf("%#x", v)
	}
	return fmt.Sprintf("%v", v)
}

// bootFact boots a configuration, which must be a legal one.
func bootFact(t *testing.T, c *golden.Config, patch func(*hooks.Ops, *hooks.Funcs)) *result {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	r := &result{pages: map[pageID]map[int]uint64{}, pfnOf: c.M2P()}
	f, err := Run("fact", c, Options{Observers: []Watcher{r}, Patch: patch})
	if err != nil {
		t.Fatal(err)
	}
	r.File = f
	for i := range f.FullTrace.Len() {
		r.lines = append(r.lines, f.FullTrace.Line(i))
	}
	for _, table := range f.Tables {
		entries := make(map[int]uint64, len(table.Entries))
		for _, e := range table.Entries {
			entries[e.Index] = e.Raw
		}
		r.pages[pageID{table.PA, table.Level, table.Width}] = entries
	}
	return r
}

// config returns a recorded configuration with changes.
func config(t *testing.T, name string, edits ...func(*golden.Config)) golden.Config {
	t.Helper()
	f, err := golden.Read(goldens + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	c := f.Config
	for _, e := range edits {
		e(&c)
	}
	return c
}

// nativeConfig is a small native machine: 10 MiB and some pages of low memory,
// kernel text to 2.5 MiB, boot tables for 8 MiB (2-level) or 12 MiB (PAE).
func nativeConfig(t *testing.T, mode golden.Mode, edits ...func(*golden.Config)) golden.Config {
	t.Helper()
	name := "native/2level_poc0_pse0_pge0_nx0_m1000_hm0_z1.json"
	if mode == golden.PAE {
		name = "native/pae_poc0_pse0_pge0_nx1_m1000_hm0_z0.json"
	}
	base := func(c *golden.Config) {
		c.MaxLowPFN, c.NX, c.ZapLowMappings = 0xa42, false, false
		c.FixaddrTop, c.NrFixed = 0xf57fd000, 24
	}
	return config(t, name, append([]func(*golden.Config){base}, edits...)...)
}

// xenConfigOf is a small guest: 10 MiB and some pages, 8 of them mapped by the
// builder.
func xenConfigOf(t *testing.T, edits ...func(*golden.Config)) golden.Config {
	t.Helper()
	base := func(c *golden.Config) { c.MaxLowPFN = 0xa42 }
	return config(t, "xen/xen_m2000_linear_nx1_hm0_z1.json", append([]func(*golden.Config){base}, edits...)...)
}

// raw is an entry of a dumped table in the kernel's geometry.
func (r *result) raw(pa uint64, level, slot int) uint64 {
	return r.pages[pageID{pa, level, r.Config.EntryWidth()}][slot]
}

// has reports whether the dump lists a table, and whether it is reachable.
func (r *result) has(pa uint64, level int) (listed, reachable bool) {
	for _, t := range r.Tables {
		if t.PA == pa && t.Level == level {
			return true, t.Reachable
		}
	}
	return false, false
}

// follow is the address of the page that an entry points to.
func (r *result) follow(raw uint64) (pa uint64, ok bool) {
	const frame = 0x000f_ffff_ffff_f000
	if r.Config.Flavour == golden.Native {
		return raw & frame, true
	}
	pfn, ok := r.pfnOf.PFN(raw & frame >> golden.PageShift)
	return pfn * golden.PageSize, ok
}

// upper is the L2 entry of an address, found from the kernel's root.
func (r *result) upper(va uint64) uint64 {
	c := &r.Config
	table := c.SwapperPgDir
	if c.Mode == golden.PAE {
		root := r.raw(table, 3, int(va>>30))
		pa, ok := r.follow(root)
		if root&1 == 0 || !ok {
			return 0
		}
		table = pa
	}
	return r.raw(table, 2, int(va>>c.PMDShift()&(r.slots()-1)))
}

// leaf is the leaf entry of an address and its level, or what stopped the walk
// and level 0.
func (r *result) leaf(va uint64) (raw uint64, level int) {
	up := r.upper(va)
	if up&1 == 0 {
		return up, 0
	}
	if up&0x80 != 0 {
		return up, 2
	}
	pa, _ := r.follow(up)
	raw = r.raw(pa, 1, int(va>>12&(r.slots()-1)))
	if raw&1 == 0 {
		return raw, 0
	}
	return raw, 1
}

// tableOf is the frame of the L1 table of an address, 0 if it has none.
func (r *result) tableOf(va uint64) uint64 {
	up := r.upper(va)
	if up&1 == 0 || up&0x80 != 0 {
		return 0
	}
	pa, _ := r.follow(up)
	return pa >> 12
}

// count counts the lines of the trace that begin with a prefix.
func (r *result) count(prefix string) int {
	n := 0
	for _, l := range r.lines {
		if strings.HasPrefix(l, prefix) {
			n++
		}
	}
	return n
}

// find is the first line that begins with a prefix, -1 if there is none.
func (r *result) find(prefix string) int {
	for i, l := range r.lines {
		if strings.HasPrefix(l, prefix) {
			return i
		}
	}
	return -1
}

// stores lists the steps of a protocol call that are stores of the kernel.
func (r *result) stores(call model.CallKind) []model.Step {
	var out []model.Step
	for _, s := range r.steps {
		if s.Call.Kind == call && (s.Op == model.OpStore || s.Op == model.OpEmulate) {
			out = append(out, s)
		}
	}
	return out
}

// purposes is the list of allocations, by purpose.
func (r *result) purposes() string {
	var out []string
	for _, b := range r.Bootmem {
		out = append(out, b.Purpose)
	}
	return strings.Join(out, " ")
}
