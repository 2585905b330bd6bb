package machine

import "sort"

// reach is how far in front of a site a block of code may begin that holds it. QEMU ends
// blocks at the end of a page at the latest, and after 512 instructions.
const reach = 4096

// addSites has the engine tell about watched instructions. The engine looks through all hooks
// for each instruction that it translates, so the hundreds of sites that a boot never comes to
// would cost more than the boot. Sites that were met before are hooked; for the others the
// engine is asked to tell when it translates code near them.
func (p *pass) addSites() error {
	p.watch = map[uint64]bool{}
	var cold []uint64
	for _, s := range p.img.sites {
		if p.c.Stops[s] != "" {
			continue
		}
		if !p.img.hot[s] {
			cold = append(cold, s)
			continue
		}
		p.watch[s] = true
		if err := p.e.AddInstruction(s); err != nil {
			return err
		}
	}
	for i := 0; i < len(cold); {
		first, last := max(cold[i], reach)-reach, cold[i]
		for i++; i < len(cold) && cold[i]-reach <= last; i++ {
			last = cold[i]
		}
		if err := p.e.AddEdge(first, last); err != nil {
			return err
		}
	}
	return nil
}

// Block implements unicorn.Guest: code is translated that may hold sites.
func (p *pass) Block(addr uint64, size int) {
	if p.learn(addr, addr+uint64(size)) {
		p.restart = true
		p.e.Stop()
	}
}

// learn hooks the sites in a range from now on, and reports whether there are new ones.
func (p *pass) learn(first, end uint64) bool {
	sites := p.img.sites
	news := false
	for i := sort.Search(len(sites), func(i int) bool { return sites[i] >= first }); i < len(sites) && sites[i] < end; i++ {
		s := sites[i]
		if p.watch[s] || p.c.Stops[s] != "" {
			continue
		}
		p.watch[s], p.img.hot[s], news = true, true, true
		if err := p.e.AddInstruction(s); err != nil {
			p.end("error", err.Error())
		}
	}
	if news {
		p.e.Forget(first, end)
	}
	return news
}
