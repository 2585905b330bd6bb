package lab

import "github.com/ptcheck/ptcheck/model"

// bench repeats an operation n times and returns what they answered, or-ed
// together as the executor does.
func (g *Guest) bench(kind string, n uint64) answer {
	e := model.Entry(g.pool[0])<<model.PageShift | model.Present
	va := g.page(0)
	var all int64
	note := func(rc model.Errno) { all |= -int64(rc) }
	var step func(i uint64)
	switch kind[0] {
	case 'n':
		step = func(uint64) {}
	case 'v':
		step = func(i uint64) { note(g.M.UpdateVAMapping(va, e*model.Entry(1-i&1), model.UVMFInvlpg)) }
	case 'm':
		note(g.M.Pin(1, g.pool[1]))
		step = func(i uint64) {
			note(g.update(g.pool[1], i&511, e*model.Entry(1-i>>9&1), model.MMUNormal))
		}
	case 'p':
		step = func(i uint64) {
			if i&1 != 0 {
				note(g.M.Unpin(g.pool[2]))
			} else {
				note(g.M.Pin(1, g.pool[2]))
			}
		}
	case 'w':
		note(g.M.Pin(1, g.pool[3]))
		note(g.M.UpdateVAMapping(va, model.Entry(g.pool[3])<<model.PageShift|model.Present, model.UVMFInvlpg))
		step = func(i uint64) {
			g.store(va+model.VA(i&511*8), 8, uint64(e)*(1-i>>9&1), g.Config.Bits == 32)
		}
	case 'r':
		step = func(uint64) { all |= int64(g.reset()) }
	default:
		return answer{syntax: true}
	}
	for i := range n {
		step(i)
	}
	return answer{value: all}
}
