package explore

import "encoding/binary"

// pvdp is the reference model PV-DP(N, L, E) of direct paging, written from its description alone: N
// frames with a type, a count, a pin and E slots each, and guest calls that take and drop references.
type pvdp struct {
	n, l, e int
	bug     int
	each    bool // judge every transition instead of every state
	rules   uint // of which bit r stands for rule r: judged

	meta, slots       uint64 // working state
	metaWas, slotsWas uint64
	applied           []uint64
}

// One byte of meta for each frame: count (4 bits), type (3), pin (1); byte 7 is the base pointer.
const (
	dpCount = 0x0f
	dpType  = 0x70
	dpPin   = 0x80
)

// Calls: kind, frame, slot, value in a byte each.
const (
	dpUpdate = iota
	dpRaw
	dpPinCall
	dpUnpin
	dpBase
)

func newPVDP(n, l, e, bug int, each bool) func() Model {
	if n > 7 || n*e > 16 {
		panic("scope does not fit into two words")
	}
	return func() Model {
		return &pvdp{n: n, l: l, e: e, bug: bug, each: each, rules: ^uint(0), applied: make([]uint64, 5)}
	}
}

func dpCall(kind, f, i, v int) uint64 {
	return uint64(kind)<<24 | uint64(f)<<16 | uint64(i)<<8 | uint64(v)
}

func (d *pvdp) typ(f int) int     { return int(d.meta>>(8*f)&dpType) >> 4 }
func (d *pvdp) count(f int) int   { return int(d.meta >> (8 * f) & dpCount) }
func (d *pvdp) pinned(f int) bool { return d.meta>>(8*f)&dpPin != 0 }
func (d *pvdp) base() int         { return int(d.meta >> 56) }
func (d *pvdp) slot(f, i int) int { return int(d.slots >> (4 * (f*d.e + i)) & 15) }

func (d *pvdp) setSlot(f, i, v int) {
	at := 4 * (f*d.e + i)
	d.slots = d.slots&^(15<<at) | uint64(v)<<at
}

// wants says which type a table of level k needs behind entry v, or 0 for none.
func (d *pvdp) wants(k, v int) int {
	switch {
	case v == 0:
		return 0
	case k > 1:
		return k - 1
	case (v-1)&1 == 1:
		return d.l + 1
	}
	return 0
}

// get takes a reference of type t on g. If it says false, the caller puts meta back.
func (d *pvdp) get(g, t int) bool {
	if c := d.count(g); c > 0 {
		if d.typ(g) != t || c == dpCount {
			return false
		}
		d.meta += 1 << (8 * g)
		return true
	}
	d.meta += uint64(t<<4|1) << (8 * g)
	if t > d.l {
		return true
	}
	for i := 0; i < d.e; i++ {
		v := d.slot(g, i)
		if w := d.wants(t, v); w != 0 && !d.get((v-1)>>1, w) {
			return false
		}
	}
	return true
}

// put drops a reference on g.
func (d *pvdp) put(g int) {
	if d.count(g) == 0 {
		return // reached in the buggy variants only
	}
	d.meta -= 1 << (8 * g)
	if d.count(g) > 0 {
		return
	}
	t := d.typ(g)
	d.meta &^= dpType << (8 * g)
	if t > d.l {
		return
	}
	for i := 0; i < d.e; i++ {
		if v := d.slot(g, i); d.wants(t, v) != 0 {
			d.put((v - 1) >> 1)
		}
	}
}

func (d *pvdp) Inits() int { return 1 }

func (d *pvdp) Init(int) {
	d.meta, d.slots = 0, 0
	for f := 0; f < d.l-1; f++ {
		d.setSlot(f, 0, 1+2*(f+1)+1)
	}
	for i := 0; i < d.e && i < d.n; i++ {
		g := d.n - 1 - i
		v := 1 + 2*g
		if g >= d.l {
			v++
		}
		d.setSlot(d.l-1, i, v)
	}
	// One reference for the pin, one for the base pointer.
	pinned := d.get(0, d.l)
	if loaded := d.get(0, d.l); !pinned || !loaded {
		panic("bad initial state")
	}
	d.meta |= dpPin
	d.metaWas, d.slotsWas = d.meta, d.slots
}

func (d *pvdp) StepWords(call uint64) (lo, hi uint64, o Outcome) {
	o = d.Apply(call)
	lo, hi = d.meta, d.slots
	d.meta, d.slots = d.metaWas, d.slotsWas
	return lo, hi, o
}

func (d *pvdp) StateSize() int { return 16 }

func (d *pvdp) Encode(dst []byte) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, d.meta), d.slots)
}

func (d *pvdp) Decode(src []byte) {
	d.meta, d.slots = binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
	d.metaWas, d.slotsWas = d.meta, d.slots
}

func (d *pvdp) Restore() { d.meta, d.slots = d.metaWas, d.slotsWas }

func (d *pvdp) Calls(dst []uint64) []uint64 {
	var writable uint // frames that a level-1 table maps writable
	for f := 0; f < d.n; f++ {
		for i := 0; d.typ(f) == 1 && i < d.e; i++ {
			if v := d.slot(f, i); d.wants(1, v) != 0 {
				writable |= 1 << ((v - 1) >> 1)
			}
		}
	}
	for f := 0; f < d.n; f++ {
		if t := d.typ(f); t >= 1 && t <= d.l {
			dst = d.writes(dst, dpUpdate, f)
		}
		if writable>>f&1 != 0 {
			dst = d.writes(dst, dpRaw, f)
		}
		if d.pinned(f) {
			dst = append(dst, dpCall(dpUnpin, f, 0, 0))
		} else {
			for k := 1; k <= d.l; k++ {
				dst = append(dst, dpCall(dpPinCall, f, 0, k))
			}
		}
		if f != d.base() {
			dst = append(dst, dpCall(dpBase, f, 0, 0))
		}
	}
	return dst
}

func (d *pvdp) writes(dst []uint64, kind, f int) []uint64 {
	for i := 0; i < d.e; i++ {
		old := d.slot(f, i)
		for v := 0; v <= 2*d.n; v++ {
			if v != old {
				dst = append(dst, dpCall(kind, f, i, v))
			}
		}
	}
	return dst
}

func (d *pvdp) Apply(call uint64) Outcome {
	kind, f, i, v := int(call>>24), int(call>>16&255), int(call>>8&255), int(call&255)
	d.applied[kind]++
	switch kind {
	case dpUpdate:
		if !d.update(f, i, v) {
			return Outcome{Kind: Skipped}
		}
	case dpRaw:
		d.setSlot(f, i, v)
	case dpPinCall:
		if !d.get(f, v) {
			return Outcome{Kind: Skipped}
		}
		d.meta |= dpPin << (8 * f)
	case dpUnpin:
		d.meta &^= dpPin << (8 * f)
		d.put(f)
	case dpBase:
		if !d.get(f, d.l) {
			return Outcome{Kind: Skipped}
		}
		d.put(d.base())
		d.meta = d.meta&(1<<56-1) | uint64(f)<<56
	}
	if d.each {
		return d.judge()
	}
	return Outcome{Kind: Moved}
}

// update is mmu_update with the two faults that the description calls BUG 1 and BUG 2.
func (d *pvdp) update(f, i, v int) bool {
	k, old := d.typ(f), d.slot(f, i)
	quick := d.bug > 0 && k == 1 && old != 0 && v != 0 && (old-1)>>1 == (v-1)>>1
	if quick && d.bug == 2 {
		quick = d.typ((v-1)>>1) == 0
	}
	if !quick {
		if t := d.wants(k, v); t != 0 && !d.get((v-1)>>1, t) {
			return false
		}
		if d.wants(k, old) != 0 {
			d.put((old - 1) >> 1)
		}
	}
	d.setSlot(f, i, v)
	return true
}

// judge checks the invariants: rule 1 isolation, 2 counts, 3 base pointer.
func (d *pvdp) judge() Outcome {
	for rule, broken := range [...]bool{1: d.exposed(), 2: d.miscounted(), 3: d.typ(d.base()) != d.l} {
		if broken && d.rules>>rule&1 != 0 {
			return Outcome{Violated, int16(rule)}
		}
	}
	return Outcome{Kind: Moved}
}

// exposed says whether a table is mapped writable.
func (d *pvdp) exposed() bool {
	for f := 0; f < d.n; f++ {
		for i := 0; d.typ(f) == 1 && i < d.e; i++ {
			v := d.slot(f, i)
			if d.wants(1, v) == 0 {
				continue
			}
			if t := d.typ((v - 1) >> 1); t >= 1 && t <= d.l {
				return true
			}
		}
	}
	return false
}

// miscounted says whether a type or a count is not what the entries ask for.
func (d *pvdp) miscounted() bool {
	var refs [8]int
	for f := 0; f < d.n; f++ {
		if d.pinned(f) {
			refs[f]++
		}
		t := d.typ(f)
		for i := 0; t >= 1 && t <= d.l && i < d.e; i++ {
			v := d.slot(f, i)
			w := d.wants(t, v)
			if w == 0 {
				continue
			}
			g := (v - 1) >> 1
			if d.typ(g) != w {
				return true
			}
			refs[g]++
		}
	}
	refs[d.base()]++
	for f := 0; f < d.n; f++ {
		if refs[f] != d.count(f) || (d.typ(f) == 0) != (d.count(f) == 0) {
			return true
		}
	}
	return false
}

func (d *pvdp) CheckState() Outcome {
	if d.each {
		return Outcome{}
	}
	return d.judge()
}

func (d *pvdp) Counters() []uint64 { return d.applied }
