package image

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Mode is how a machine translates addresses: Intel SDM vol. 3, section 4.1.
type Mode uint8

// Modes; their numbers are the levels of tables.
const (
	TwoLevel  Mode = 2
	PAE       Mode = 3
	FourLevel Mode = 4
	FiveLevel Mode = 5
)

// String returns the mode as text has it.
func (m Mode) String() string {
	return map[Mode]string{TwoLevel: "two-level", PAE: "PAE", FourLevel: "4-level", FiveLevel: "5-level"}[m]
}

// Levels is the level of a root.
func (m Mode) Levels() int { return int(m) }

// EntrySize is the size of an entry in bytes.
func (m Mode) EntrySize() int {
	if m == TwoLevel {
		return 4
	}
	return 8
}

// Slots is the number of entries of a table of a level.
func (m Mode) Slots(level int) int {
	switch {
	case m == PAE && level == 3:
		return 4
	case m == TwoLevel:
		return 1024
	}
	return 512
}

// Shift is the base-2 logarithm of the bytes that an entry of a level maps.
func (m Mode) Shift(level int) uint {
	if m == TwoLevel {
		return uint(12 + 10*(level-1))
	}
	return uint(12 + 9*(level-1))
}

// AddressBits is the size of the address space in bits.
func (m Mode) AddressBits() uint {
	switch m {
	case FourLevel:
		return 48
	case FiveLevel:
		return 57
	}
	return 32
}

// Root is a table from which a processor or a kernel translates.
type Root struct {
	Phys uint64 // its physical address: 4096 bytes, in PAE 32
	Of   string // whose it is, such as "CPU 0"
}

// Frame is the frame in which a root lies.
func (r *Root) Frame() uint64 { return r.Phys >> PageShift }

// Paging is how the machine of an image translates, and from which roots.
type Paging struct {
	Mode  Mode
	Roots []Root
	// PSE says whether entries of two-level tables may map large pages.
	PSE bool
}

// Control bits.
const (
	cr0PG   = 1 << 31
	cr4PSE  = 1 << 4
	cr4PAE  = 1 << 5
	cr4LA57 = 1 << 12
)

// kernelMap is where 64-bit kernels map their image (__START_KERNEL_map).
const kernelMap = 0xffffffff80000000

// PageOffsets are the places at which 32-bit kernels may map their memory (the
// CONFIG_VMSPLIT choices), the highest first.
func PageOffsets() []uint64 {
	return []uint64{0xc0000000, 0xb0000000, 0x80000000, 0x78000000, 0x40000000}
}

// Paging finds the mode and the roots: from the control registers of the processors,
// else from what the kernel noted in VMCOREINFO. root, if not 0, is a root that the user
// knows; the mode of an image that tells nothing else is found from its entries.
func (m *Image) Paging(root uint64) (*Paging, error) {
	p, err := m.fromCPUs()
	if err == nil && p == nil {
		p, err = m.fromInfo()
	}
	if root == 0 {
		if err == nil && p == nil {
			err = errors.New("it has no CR3 and no VMCOREINFO: where the tables begin is not known; --cr3 ADDRESS says it")
		}
		if err != nil {
			return nil, fmt.Errorf("image: %s: %w", m.Name, err)
		}
		return p, nil
	}
	if p == nil {
		p = &Paging{Mode: FourLevel, PSE: true}
		if !m.Long {
			if p.Mode, err = m.guessMode(root); err != nil {
				return nil, fmt.Errorf("image: %s: %w", m.Name, err)
			}
		}
	}
	p.Roots = []Root{{Phys: root &^ rootMask(p.Mode), Of: "--cr3"}}
	return p, nil
}

// rootMask are the bits of CR3 that are no address.
func rootMask(m Mode) uint64 {
	if m == PAE {
		return 1<<5 - 1
	}
	return PageSize - 1 | 1<<63
}

// fromCPUs takes the processors whose paging is on; nil if there are none. Processors
// that are in another mode than the first of them are just being started.
func (m *Image) fromCPUs() (*Paging, error) {
	var p *Paging
	for i := range m.CPUs {
		c := &m.CPUs[i]
		if c.CR0&cr0PG == 0 {
			continue
		}
		mode, err := c.mode(m.Long)
		if err != nil {
			return nil, fmt.Errorf("CPU %d: %w", i, err)
		}
		if p == nil {
			p = &Paging{Mode: mode, PSE: c.CR4&cr4PSE != 0}
		}
		if p.Mode == mode {
			p.add(c.CR3&^rootMask(mode), fmt.Sprintf("CPU %d", i))
		}
	}
	if p == nil && len(m.CPUs) > 0 && m.Info == nil {
		return nil, errors.New("no processor has paging switched on: there are no tables yet")
	}
	return p, nil
}

// add adds a root, or another owner of one.
func (p *Paging) add(phys uint64, of string) {
	for i := range p.Roots {
		if p.Roots[i].Phys == phys {
			p.Roots[i].Of += ", " + of
			return
		}
	}
	p.Roots = append(p.Roots, Root{phys, of})
}

// mode is the mode that a processor's registers ask for.
func (c *CPU) mode(long bool) (Mode, error) {
	switch {
	case c.CR4&cr4PAE == 0 && long:
		return 0, errors.New("CR4 has no PAE in long mode: these are no registers")
	case c.CR4&cr4PAE == 0:
		return TwoLevel, nil
	case !long && !c.Long:
		return PAE, nil
	case c.CR4&cr4LA57 != 0:
		return FiveLevel, nil
	}
	return FourLevel, nil
}

// fromInfo takes the kernel's own root from VMCOREINFO; nil if there is none.
func (m *Image) fromInfo() (*Paging, error) {
	if m.Info == nil {
		return nil, nil
	}
	va, err := m.Info.symbol("swapper_pg_dir", "init_top_pgt")
	if err != nil {
		return nil, err
	}
	p := &Paging{PSE: true}
	phys := va
	if m.Long {
		five, err := m.Info.number("pgtable_l5_enabled")
		if err != nil {
			return nil, err
		}
		base, err := m.Info.number("phys_base")
		if err != nil {
			return nil, err
		}
		p.Mode = FourLevel
		if five == 1 {
			p.Mode = FiveLevel
		}
		phys = va - kernelMap + uint64(base)
	} else {
		p.Mode = TwoLevel
		if m.Info["CONFIG_X86_PAE"] == "y" {
			p.Mode = PAE
		}
		for _, offset := range PageOffsets() {
			if va >= offset {
				phys = va - offset
				break
			}
		}
	}
	if phys >= mostPhysical {
		return nil, fmt.Errorf("VMCOREINFO has swapper_pg_dir at %#x, which is at no physical address", va)
	}
	p.add(phys&^rootMask(p.Mode), "swapper_pg_dir")
	return p, nil
}

// guessMode tells PAE from two-level tables by the root's entries: those of a PAE root
// are four words that lead into memory or are not present, and have no other bits than a
// PAE root may have (Intel SDM vol. 3, table 4-8).
func (m *Image) guessMode(root uint64) (Mode, error) {
	var page Page
	there, err := m.Page(root>>PageShift, &page)
	if err != nil || there != Stored {
		return 0, errors.Join(err, fmt.Errorf("there is no memory at --cr3 %#x", root))
	}
	const wrong = 0xfff0000000000000 | 0x1c6 // QEMU sets bit 5
	present := 0
	for i := range 4 {
		e := binary.LittleEndian.Uint64(page[root&(PageSize-1)&^31+8*uint64(i):])
		if e&1 == 0 {
			continue
		}
		present++
		if there, err := m.Has(e &^ 0xfff >> PageShift); err != nil || there == Absent || e&wrong != 0 {
			return TwoLevel, err
		}
	}
	if present == 0 {
		return TwoLevel, nil
	}
	return PAE, nil
}
