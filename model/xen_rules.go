package model

// rules are a profile's rules for one geometry, prepared for fast lookup. They
// are derived from a Layout and never change.
type rules struct {
	geo     *Geometry
	modern  bool
	residue bool
	known   bool
	mutant  Mutant
	// l1tf says that absent entries are looked at, see xen_l1tf.go.
	l1tf bool

	// disallow[n] are the flags that no present level-n entry may have
	// (Xen: L1_DISALLOW_MASK to L4_DISALLOW_MASK, l1_disallow_mask,
	// l3_disallow_mask).
	disallow [MaxLevels + 1]Entry
	// benign[n] are the flags that a level-n entry may change without being
	// checked again (Xen: FASTPATH_FLAG_WHITELIST; 3.1: the arguments of
	// l1e_has_changed to l4e_has_changed).
	benign [MaxLevels + 1]Entry
	// add[n] are the flags that Xen adds to a present level-n entry, n > 1
	// (Xen: adjust_guest_l2e to adjust_guest_l4e).
	add [MaxLevels + 1]Entry
	// drop are the flags that a PAE root entry loses when the root stops being
	// one (Xen: unadjust_guest_l3e).
	drop Entry
	// linear[n] says that level-n tables may hold same-level entries.
	linear [MaxLevels + 1]bool
	// markLeaf says that leaf entries are marked as kernel or user
	// (Xen: adjust_guest_l1e of a 64-bit guest).
	markLeaf bool
	// special is the root slot of a PAE geometry that names the L2 with Xen's
	// slots, -1 in other geometries.
	special int
	// closedRoot says that the special slot must be filled.
	closedRoot bool
}

// cacheAttrs are the flags of a leaf entry that choose its caching
// (Xen: PAGE_CACHE_ATTRS). Bit 7 is PAT in a leaf.
const cacheAttrs = PWT | PCD | PSE

// newRules prepares the rules of a layout; nil on bare metal.
func newRules(l *Layout) *rules {
	if l.Hyper == nil {
		return nil
	}
	p := l.Hyper.Profile
	r := &rules{geo: l.Geo, modern: p.Modern, residue: p.Residue, known: p.Known, mutant: p.Mutant, l1tf: p.Modern && l.Hyper.L1TF, special: -1}
	if l.PAESpecial() {
		r.special = l.Geo.Slots[l.Geo.Root()] - 1
		r.closedRoot = !p.OpenPAERoot
	}
	r.masks(l)
	r.adjustments(l)
	return r
}

// masks fills in which flags are refused and which may change freely.
func (r *rules) masks(l *Layout) {
	pae := l.PAESpecial()
	for n := 1; n <= r.geo.Levels; n++ {
		r.linear[n] = n > 1 && !l.Hyper.Profile.NoLinear
		if r.modern {
			r.disallow[n] = cacheAttrs | Global
			r.benign[n] = NX | AvailHigh | Avail | Global | Dirty | Accessed | User
			continue
		}
		r.disallow[n] = PSE | Global
		r.benign[n] = FlagMask &^ Present
		if pae {
			r.disallow[n] |= AvailHigh
		}
	}
	switch {
	case r.modern:
		r.disallow[1] &^= Global
		if l.Hyper.Devices || l.Hyper.Profile.Mutant.ForDevices {
			r.disallow[1] &^= cacheAttrs
		}
	case l.Geo.SignExtend:
		r.disallow[1] &^= Global
		r.benign[1] &^= RW
	default:
		r.benign[1] &^= RW
	}
	if !pae {
		return
	}
	root := r.geo.Root()
	if r.modern {
		r.disallow[root] |= NX | AvailHigh
		r.linear[root] = l.Hyper.Profile.Mutant.LinearPAERoot
	} else {
		r.disallow[root] |= RW | User | Accessed | Dirty | NX | AvailHigh
	}
}

// adjustments fills in what Xen adds to accepted entries. The guests of Xen 3.1
// with PAE and two levels are native 32-bit ones: nothing is added for them.
func (r *rules) adjustments(l *Layout) {
	switch {
	case l.Geo.SignExtend:
		r.markLeaf = true
		for n := 2; n <= r.geo.Levels; n++ {
			r.add[n] = User
		}
		if r.modern {
			r.add[r.geo.Root()] |= Accessed
		}
	case l.PAESpecial() && r.modern:
		r.add[r.geo.Root()] = User | RW
		r.drop = User | RW | Accessed
	}
}

// adjust returns a present entry as Xen stores it on some path.
func (r *rules) adjust(by Path, level int, e Entry) Entry {
	right := r.adjusted(level, e)
	if r.mutant.Stored != nil {
		return r.mutant.Stored(by, level, e, right)
	}
	return right
}

// adjusted adds the flags that Xen adds to a present entry (Xen: adjust_guest_l1e to
// adjust_guest_l4e).
func (r *rules) adjusted(level int, e Entry) Entry {
	if level > 1 || !r.markLeaf {
		return e | r.add[level]
	}
	if !e.Is(User) {
		e |= GuestKernel | User
	}
	if !e.Is(GuestKernel) {
		e |= Global
	}
	return e
}
