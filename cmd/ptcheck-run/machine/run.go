package machine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

// maxPasses bounds how often a run is repeated because of tables that nobody expected.
const maxPasses = 6

// Run boots the image on a machine. The recording is what it did, from its first event to its
// totals.
func Run(l *unicorn.Library, img *Image, c *Case) (recording []byte, res Result, err error) {
	var from *start
	if c.Share.At != 0 {
		if from, err = img.shared(l, c, nil); err != nil {
			return nil, res, err
		}
		if from == nil { // it ends before cases differ
			whole := *c
			whole.Share = Share{}
			return Run(l, img, &whole)
		}
	}
	p, err := passes(l, img, c, from)
	if from != nil && err == nil {
		// Tables in the memory that the shared part wrote to, and of which it did not know: their
		// stores from there are missing.
		if news := from.unknown(p.rec.adopted); len(news) > 0 {
			p.mem.free()
			if from, err = img.shared(l, c, news); err != nil {
				return nil, res, err
			}
			p, err = passes(l, img, c, from)
		}
	}
	if err != nil {
		return nil, res, err
	}
	defer p.mem.free()
	return p.rec.finish(&p.res.Totals), p.res, nil
}

// passes repeats a run until its last pass knew of every table beforehand, and returns that pass
// with its memory.
func passes(l *unicorn.Library, img *Image, c *Case, from *start) (*pass, error) {
	frames := maps.Clone(img.known)
	if from != nil {
		maps.Copy(frames, from.frames)
	}
	var first Result
	wide := false
	for n := 1; n <= maxPasses; n++ {
		p := &pass{img: img, c: c, pending: -1, tsc: firstTSC, frames: frames, first: n == 1, wide: wide}
		if err := p.run(l, from); err != nil {
			return nil, err
		}
		p.res.Passes = n
		switch {
		case n == 1:
			first = p.res
			wide = p.ctl.levels() != 2
			p.look()
		case p.res.Stop == "events": // the first pass counts none
			return p, nil
		case p.res.Stop != first.Stop || p.res.PC != first.PC:
			p.mem.free()
			return nil, fmt.Errorf("machine: the passes differ: the first ended with %s at %x, the next with %s at %x", first.Stop, first.PC, p.res.Stop, p.res.PC)
		case len(p.missed) == 0:
			return p, nil
		}
		img.learn(p.missed)
		for _, f := range p.missed {
			frames[f] = true
		}
		p.mem.free()
	}
	return nil, fmt.Errorf("machine: after %d passes there are still tables that no pass before knew of", maxPasses)
}

// pass is one boot.
type pass struct {
	img *Image
	c   *Case
	e   *unicorn.Engine
	mem *memory
	ctl control
	rec *recorder

	first  bool
	wide   bool            // entries have 8 bytes once there is paging
	frames map[uint64]bool // that become tables, as known so far
	missed []uint64        // tables that are not among frames

	watch   map[uint64]bool // sites that the engine tells about
	restart bool            // the engine was stopped to learn of a site
	pending int             // the exception that stopped the engine, -1: none
	tsc     uint64
	pages   map[uint64]bool // that were found to be nowhere
	saved   []byte          // the processor, at the end of a part that is shared
	res     Result
}

// run boots, or goes on from where others have begun as well, and leaves the memory as it is at
// the end.
func (p *pass) run(l *unicorn.Library, from *start) (err error) {
	if from == nil {
		p.mem, err = newMemory(p.img, p.c)
	} else {
		p.mem, err = from.memory(p.img, p.c)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			p.mem.free()
		}
	}()
	if p.e, err = l.Open(p.img.Bits, p); err != nil {
		return err
	}
	defer p.e.Close()
	for _, r := range p.mem.regions {
		if err := p.e.Map(r.base, r.mem); err != nil {
			return err
		}
	}
	if err := p.hooks(); err != nil {
		return err
	}
	p.pages = map[uint64]bool{}
	pc := p.c.PC
	if from == nil {
		p.begin()
	} else if pc = p.c.Share.At; !p.resume(from) {
		return fmt.Errorf("machine: what is stored at %x cannot be: nothing is mapped where it belongs", pc)
	}
	p.loop(pc)
	p.last()
	if p.res.Stop == "shared" {
		p.saved = p.e.Saved()
	} else if p.rec != nil {
		p.rec.check(&p.res.Totals)
	}
	return nil
}

// last notes where the processor is when the run is over.
func (p *pass) last() {
	p.res.PC, p.res.Registers = p.e.PC(), *p.e.General()
	size := p.e.Bits / 8
	for i := range p.res.Stack {
		pa, _, _ := p.mem.walk(&p.ctl, p.res.Registers[4]+uint64(i*size))
		p.res.Stack[i], _ = p.mem.word(pa, size)
	}
}

// hooks has the engine tell about stops, watched instructions and stores to tables.
func (p *pass) hooks() error {
	for addr := range p.c.Stops {
		if err := p.e.AddInstruction(addr); err != nil {
			return err
		}
	}
	if err := p.addSites(); err != nil {
		return err
	}
	if p.first {
		return nil
	}
	list := make([]uint64, 0, len(p.frames))
	for f := range p.frames {
		list = append(list, f)
	}
	slices.Sort(list)
	for i := 0; i < len(list); {
		j := i + 1
		for j < len(list) && list[j] == list[j-1]+1 {
			j++
		}
		if err := p.e.AddWrites(list[i]*pageSize, list[j-1]*pageSize+pageSize-1); err != nil {
			return err
		}
		i = j
	}
	return nil
}

// begin sets the processor up as the loader leaves it.
func (p *pass) begin() {
	c := p.c
	c.enter(p.e)
	p.ctl = control{c.CR0, c.CR3, c.CR4, c.EFER}
	if !p.first {
		p.rec = newRecorder(p)
	}
	p.controlled(c.PC, 3, control{})
}

// enter sets a processor up as a case begins.
func (c *Case) enter(e *unicorn.Engine) {
	e.Write(unicorn.CR4, c.CR4)
	e.Write(unicorn.CR3, c.CR3)
	if c.EFER != 0 {
		e.SetMSR(msrEFER, c.EFER)
	}
	e.Write(unicorn.CR0, c.CR0)
	for id, v := range c.MSRs {
		e.SetMSR(id, v)
	}
	sp, si := unicorn.ESP, unicorn.ESI
	if e.Bits == 64 {
		sp, si = unicorn.RSP, unicorn.RSI
	}
	e.Write(sp, c.Stack)
	e.Write(si, c.BootParams)
	e.Write(unicorn.EFLAGS, 2)
}

// loop runs the engine until the run is over.
func (p *pass) loop(pc uint64) {
	for ; ; pc = p.e.PC() {
		p.pending, p.restart = -1, false
		p.learn(pc, pc+reach) // the engine does not tell about the first block
		err := p.e.Run(pc)
		switch {
		case p.res.Stop != "":
			return
		case p.pending >= 0:
			if !p.deliver(p.pending) {
				return
			}
		case p.restart:
		case err != nil:
			p.end("error", err.Error())
			return
		default:
			p.end("halt", "the processor halted")
			return
		}
	}
}

// end ends the run.
func (p *pass) end(stop, detail string) {
	if p.res.Stop == "" {
		p.res.Stop, p.res.Detail = stop, detail
	}
	p.e.Stop()
}

// Exception implements unicorn.Guest.
func (p *pass) Exception(n int) {
	p.pending = n
	p.e.Stop()
}

// Instruction implements unicorn.Guest.
func (p *pass) Instruction(addr uint64) {
	if name := p.c.Stops[addr]; name != "" {
		p.end(name, "")
		return
	}
	p.watched(addr)
}

// Write implements unicorn.Guest.
func (p *pass) Write(pa uint64, size int, value uint64) {
	if p.rec == nil {
		return
	}
	p.rec.store(pa, size, value)
	if limit := p.c.MaxEvents; p.rec.events > limit && limit > 0 {
		p.end("events", fmt.Sprintf("more than %d events", limit))
	}
}

// Nowhere implements unicorn.Guest. A bus without a device reads as ones.
func (p *pass) Nowhere(pa uint64, fetch bool) bool {
	const limit = 1 << 14
	page := pa &^ (pageSize - 1)
	if fetch || p.pages[page] || len(p.pages) == limit {
		return false
	}
	p.pages[page] = true
	p.res.Totals.Nowhere++
	return p.e.MapNothing(page) == nil
}

// In implements unicorn.Guest: there is a serial port that is always ready, and nothing else.
func (p *pass) In(port uint32, size int) uint32 {
	const lineStatus, transmitterEmpty = 0x3fd, 0x60
	switch {
	case port == lineStatus:
		return transmitterEmpty
	case port&^7 == 0x3f8:
		return 0
	}
	return uint32(1<<(8*uint(size)) - 1)
}

// Out implements unicorn.Guest.
func (p *pass) Out(port uint32, size int, value uint32) {
	const limit = 1 << 16
	if (port == 0x3f8 || port == 0xe9) && len(p.res.Console) < limit {
		p.res.Console = append(p.res.Console, byte(value))
	}
}

// CPUID implements unicorn.Guest.
func (p *pass) CPUID() { p.c.cpuid(p.e) }

// Syscall implements unicorn.Guest: a kernel on bare metal makes none.
func (p *pass) Syscall() { p.Exception(invalidInstruction) }

// cpuid answers CPUID.
func (c *Case) cpuid(e *unicorn.Engine) {
	g := e.General()
	v, ok := c.CPUID[Leaf{uint32(g[0]), uint32(g[1])}]
	if !ok {
		v = c.CPUID[Leaf{uint32(g[0]), 0}]
	}
	for i, n := range [4]int{0, 3, 1, 2} { // EAX, EBX, ECX, EDX
		e.Write(e.GeneralReg(n), uint64(v[i]))
	}
}
