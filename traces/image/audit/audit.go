package audit

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/traces/image"
)

// Options say how an image is audited.
type Options struct {
	// Xen says that a Xen lies below: its frame table is read, the roots are those that
	// it has validated, and its own slots are told apart from the guests'.
	Xen bool
	// CR3, if not 0, is the root, whatever the image says.
	CR3 uint64
	// Symbols name addresses; nil for none.
	Symbols *image.Symbols
}

// Audit is what an image came to.
type Audit struct {
	Paging   *image.Paging
	Verdicts []Verdict
	// Tables counts tables by level, Leaves leaf entries by level as often as addresses
	// lead to them: what QEMU's "info tlb" lists. Index 0 is not used.
	Tables [6]int
	Leaves []RootLeaves
	// Left counts tables that whoever made the image left out, because they were zero.
	Left int
	// DirectMap is where the kernel maps all memory; 0 if that was not found.
	DirectMap uint64
	NoExecute bool // entries have the no-execute bit
	// Xen is what Xen says of its frames; nil without one.
	Xen *XenFacts

	image   *image.Image
	opt     Options
	pat     [8]use
	half    uint64 // the kernel's addresses begin here; 0: not known
	census  *census
	walk    *walker
	inUse   map[uint64]int // after the first walk: level of tables by physical address
	root    string         // whose root is being walked
	xen     *frameTable
	recount *recount
	users   map[string]*userMemory
	// userRoots are the keys of users in the order of the walk.
	userRoots []string
}

// RootLeaves are the leaf entries below a root.
type RootLeaves struct {
	Root                               string
	Pages4K, Pages2M, Pages4M, Pages1G uint64
}

// kernelImage is the start of the part of 64-bit address space in which kernels map
// their own image: the direct map lies below.
const kernelImage = 0xffffffff80000000

// Run audits an image.
func Run(m *image.Image, opt Options) (*Audit, error) {
	a := &Audit{image: m, opt: opt, pat: linuxPAT(), users: map[string]*userMemory{}}
	var err error
	if a.Paging, err = m.Paging(opt.CR3); err != nil {
		return nil, err
	}
	if opt.Xen {
		if err := a.findXen(); err != nil {
			return nil, err
		}
	} else {
		a.addUserRoots()
	}
	if err := a.count(); err != nil {
		return nil, err
	}
	if err := a.judge(); err != nil {
		return nil, err
	}
	return a, nil
}

// count is the first walk: which tables there are, how frames are mapped.
func (a *Audit) count() error {
	a.census = newCensus(a)
	if a.Paging.Mode >= image.FourLevel {
		a.half = 1 << 63
	}
	if err := a.eachRoot(a.census.see, func(root string, n leaves) { a.Leaves = append(a.Leaves, a.rootLeaves(root, n)) }); err != nil {
		return err
	}
	a.inUse, a.NoExecute, a.Left = a.walk.inUse, a.walk.nx, a.walk.excluded
	if len(a.census.uses.chunks) == 0 && !slices.ContainsFunc(a.Leaves, func(l RootLeaves) bool { return l.total() > 0 }) {
		return fmt.Errorf("audit: %s: the tables at %#x (%s) map nothing: no page tables", a.image.Name, a.Paging.Roots[0].Phys, a.Paging.Roots[0].Of)
	}
	for phys, level := range a.inUse {
		a.Tables[level]++
		a.census.tables = append(a.census.tables, phys>>image.PageShift)
	}
	slices.Sort(a.census.tables)
	a.census.tables = slices.Compact(a.census.tables)
	if off, ok := a.census.directMap(); ok {
		a.DirectMap = off
		if a.half == 0 && slices.Contains(image.PageOffsets(), off) {
			a.half = off
		}
	}
	return nil
}

// judge is the second walk: the rules.
func (a *Audit) judge() error {
	for _, r := range Rules() {
		v := Verdict{Rule: r}
		if r.unfit != nil {
			v.Unfit = r.unfit(a)
		}
		a.Verdicts = append(a.Verdicts, v)
	}
	see := func(s *sight) {
		for i := range a.Verdicts {
			a.Verdicts[i].take(a, s)
		}
	}
	if err := a.eachRoot(see, nil); err != nil {
		return err
	}
	if a.xen != nil {
		if err := a.recountXen(); err != nil {
			return err
		}
	}
	for i := range a.Verdicts {
		v := &a.Verdicts[i]
		if v.Unfit == "" && v.Rule.finish != nil {
			v.Rule.finish(a, v)
		}
		for k := range v.Findings {
			if f := &v.Findings[k]; f.Size > 0 {
				f.Symbol = a.opt.Symbols.At(f.Start)
			}
		}
	}
	return nil
}

// eachRoot walks from all roots with one memory.
func (a *Audit) eachRoot(see func(*sight), done func(root string, n leaves)) error {
	a.walk = newWalker(a.image, a.Paging, a.xen != nil, see)
	for i := range a.Paging.Roots {
		r := &a.Paging.Roots[i]
		a.root = r.Of
		n, err := a.walk.root(r)
		if err != nil {
			return err
		}
		if done != nil {
			done(r.Of, n)
		}
	}
	return nil
}

// addUserRoots adds the roots of user mode of a kernel that isolates its tables (PTI):
// they lie one page above the kernel's, whose entries for user mode have the no-execute
// bit (kernel_to_user_pgdp and pti_set_user_pgtbl in Linux).
func (a *Audit) addUserRoots() {
	mode := a.Paging.Mode
	for _, r := range a.Paging.Roots {
		if mode < image.FourLevel || r.Phys>>image.PageShift&1 != 0 || !a.isolates(r.Frame()) {
			continue
		}
		a.Paging.Roots = append(a.Paging.Roots, image.Root{Phys: r.Phys + image.PageSize, Of: r.Of + " (PTI, user mode)"})
	}
}

// isolates reports whether a root's entries for user mode all have the no-execute bit,
// and the root behind it has the same ones without.
func (a *Audit) isolates(frame uint64) bool {
	var kernel, users image.Page
	for i, p := range []*image.Page{&kernel, &users} {
		if there, err := a.image.Page(frame+uint64(i), p); err != nil || there != image.Stored {
			return false
		}
	}
	found := false
	for slot := range 256 {
		k, u := word(&kernel, slot), word(&users, slot)
		if k&^noExecute != u || k.is(present) != k.is(present|noExecute) {
			return false
		}
		found = found || k.is(present)
	}
	return found
}

// kernelHalf reports whether an address is the kernel's.
func (a *Audit) kernelHalf(va uint64) bool { return a.half != 0 && va >= a.half }

// kernelLeaf reports whether a leaf is for the kernel alone. A 64-bit guest of Xen runs
// in user mode, its kernel too: there the address tells.
func (a *Audit) kernelLeaf(s *sight) bool {
	if a.xen != nil && !s.theirs {
		return a.kernelHalf(s.va)
	}
	return !s.user
}

// levelOf is the level at which a frame serves as a table.
func (a *Audit) levelOf(frame uint64) int {
	for off := uint64(0); off < image.PageSize; off += 32 {
		if l := a.inUse[frame<<image.PageShift+off]; l != 0 {
			return l
		}
	}
	return 0
}

// rootLeaves turns counts by level into counts by size.
func (a *Audit) rootLeaves(root string, n leaves) RootLeaves {
	r := RootLeaves{Root: root, Pages4K: n[1], Pages2M: n[2], Pages1G: n[3]}
	if a.Paging.Mode == image.TwoLevel {
		r.Pages2M, r.Pages4M = 0, n[2]
	}
	return r
}

func (r *RootLeaves) total() uint64 { return r.Pages4K + r.Pages2M + r.Pages4M + r.Pages1G }

// Broken reports whether some rule is broken.
func (a *Audit) Broken() bool {
	return slices.ContainsFunc(a.Verdicts, func(v Verdict) bool { return v.Broken > 0 })
}
