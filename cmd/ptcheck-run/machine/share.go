package machine

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"syscall"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

// start is a machine at the instruction up to which cases are alike, with all that was noted
// up to there.
type start struct {
	key      [sha256.Size]byte
	frames   map[uint64]bool // that were watched
	file     int             // an anonymous file that holds the segments
	segments []segment       // memory that is not as a new machine's
	low      []Patch         // the same below 1 MiB, where cases differ in what memory there is
	saved    []byte          // the processor
	ctl      control
	tsc      uint64
	res      Result
	rec      *recorder
	pages    map[uint64]bool
}

// sharedKey tells cases apart that do not begin alike.
func (c *Case) sharedKey() [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintln(h, c.Share.At, c.Share.Common, c.Litter, c.PC, c.CR0, c.CR3, c.CR4, c.EFER, c.Stack, c.BootParams, c.Text, c.CPUID, c.MSRs)
	for _, p := range c.Patches {
		fmt.Fprintln(h, p.PA, p.Bytes)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// shared returns the machine at the instruction up to which the case is like others: the one
// that was kept, if it began alike and nothing more is to be watched. It is nil if the run ends
// before.
func (g *Image) shared(l *unicorn.Library, c *Case, more []uint64) (*start, error) {
	for _, f := range more {
		g.known[f] = true
	}
	key := c.sharedKey()
	if g.kept != nil && g.kept.key == key && len(more) == 0 {
		return g.kept, nil
	}
	common := *c
	common.RAM, common.Share = c.Share.Common, Share{}
	common.Stops = map[uint64]string{c.Share.At: "shared"}
	for addr, name := range c.Stops {
		if addr != c.Share.At {
			common.Stops[addr] = name
		}
	}
	p, err := passes(l, g, &common, nil)
	if err != nil {
		return nil, err
	}
	defer p.mem.free()
	if p.res.Stop != "shared" {
		return nil, nil
	}
	s, err := p.keep(key)
	if err != nil {
		return nil, err
	}
	if g.kept != nil {
		g.kept.close()
	}
	g.kept = s
	return s, nil
}

// keep keeps a machine as it is.
func (p *pass) keep(key [sha256.Size]byte) (*start, error) {
	s := &start{key: key, frames: maps.Clone(p.frames), saved: p.saved, ctl: p.ctl, tsc: p.tsc, res: p.res, rec: p.rec, pages: p.pages}
	s.res.Stop, s.res.Detail = "", ""
	fd, err := memfd("shared")
	if err != nil {
		return nil, err
	}
	s.file = fd
	fresh, err := newMemory(p.img, p.c)
	if err != nil {
		return nil, err
	}
	defer fresh.free()
	var size int64
	for i, r := range p.mem.regions {
		for off := 0; off < len(r.mem); {
			end := off
			for end < len(r.mem) && !bytes.Equal(r.mem[end:end+pageSize], fresh.regions[i].mem[end:end+pageSize]) {
				end += pageSize
			}
			if end == off {
				off += pageSize
				continue
			}
			pa, b := r.base+uint64(off), r.mem[off:end]
			off = end
			if pa < 1<<20 {
				s.low = append(s.low, Patch{pa, bytes.Clone(b)})
				continue
			}
			if err := appendFile(fd, size, b); err != nil {
				return nil, err
			}
			s.segments = append(s.segments, segment{pa, uint64(len(b)), size})
			size += int64(len(b))
		}
	}
	return s, nil
}

// appendFile writes bytes at the end of an anonymous file.
func appendFile(fd int, at int64, b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Pwrite(fd, b, at)
		if err != nil {
			return fmt.Errorf("machine: no room in memory: %w", err)
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

func (s *start) close() { syscall.Close(s.file) }

// memory is a case's memory as it is when it goes on.
func (s *start) memory(img *Image, c *Case) (*memory, error) {
	whole := *c
	whole.Patches = append(slices.Clone(c.Patches), s.low...)
	m, err := newMemory(img, &whole)
	if err != nil {
		return nil, err
	}
	if err := m.overlayAll(s.segments, s.file); err != nil {
		m.free()
		return nil, err
	}
	return m, nil
}

// resume has the processor go on, and stores what is stored only now. It returns false if that
// cannot be.
func (p *pass) resume(s *start) bool {
	p.e.Restore(s.saved)
	p.ctl, p.tsc, p.res = s.ctl, s.tsc, s.res
	p.res.Console = slices.Clone(s.res.Console)
	p.pages = maps.Clone(s.pages)
	for page := range p.pages {
		if p.mem.at(page, 1) == nil {
			p.e.MapNothing(page)
		}
	}
	if !p.first {
		p.rec = s.rec.clone(p)
	}
	for _, late := range p.c.Share.Late {
		for i, b := range late.Bytes {
			pa, _, ok := p.mem.walk(&p.ctl, late.PA+uint64(i))
			at := p.mem.at(pa, 1)
			if !ok || at == nil {
				return false
			}
			at[0] = b
		}
	}
	p.look()
	return true
}

// unknown are the frames among those that became tables that the shared part may have stored to
// and did not watch.
func (s *start) unknown(adopted map[uint64]int) (list []uint64) {
	for f := range adopted {
		if s.frames[f] {
			continue
		}
		for _, g := range s.segments {
			if pa := f * pageSize; pa >= g.pa && pa < g.pa+g.size {
				list = append(list, f)
			}
		}
		for _, g := range s.low {
			if pa := f * pageSize; pa >= g.PA && pa < g.PA+uint64(len(g.Bytes)) {
				list = append(list, f)
			}
		}
	}
	slices.Sort(list)
	return list
}

// clone is a recorder that goes on for itself.
func (r *recorder) clone(p *pass) *recorder {
	c := newRecorder(p)
	c.mode, c.events, c.totals = r.mode, r.events, r.totals
	c.out.Write(r.out.Bytes())
	c.early = slices.Clone(r.early)
	c.adopted = maps.Clone(r.adopted)
	for f, t := range r.tables {
		own := *t
		c.tables[f] = &own
	}
	return c
}
