package guests

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/systems/recorded"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// kinds are the guests of these tests.
var kinds = []model.GuestKind{model.Dom0, model.DomU, model.DomUNoL1TF}

// TestBuild: each kind of guest begins on tables that the model accepts, in its builder's order,
// with all tables read-only, and its lists of frames are each other's inverse.
func TestBuild(t *testing.T) {
	for _, kind := range kinds {
		p := newFake(t, kind, nil)
		d := p.h.d
		behind := uint64(1) // dom0: start_info, tables
		if kind != model.Dom0 {
			behind = 3 // start_info, xenstore, console, tables
		}
		if d.root != d.startInfo+behind || d.stack <= d.root {
			t.Errorf("%v: start_info is frame %x, the root %x, the stack %x", kind, d.startInfo, d.root, d.stack)
		}
		for va, pfn := range map[uint64]uint64{virtBase + 0x1000000: 0x1000, virtBase + d.stack<<12: d.stack, d.pv.InitP2M + 0x3000: d.list + 3} {
			if ma, err := p.h.translate(va); err != nil || ma>>12 != uint64(d.p2m[pfn]) {
				t.Errorf("%v: %x leads to %x, %v; want frame %x", kind, va, ma>>12, err, d.p2m[pfn])
			}
		}
		for _, table := range d.tables {
			if ma, err := p.h.leafOf(virtBase + table<<12); err == nil && p.entry(ma>>12, int(ma&0xfff)/8)&uint64(model.RW) != 0 {
				t.Errorf("%v: table %x is mapped writable", kind, table)
			}
			if level := tableLevel(p.h.s.InfoAt(model.Frame(table))); level == 0 {
				t.Errorf("%v: frame %x is no table", kind, table)
			}
		}
		for _, pfn := range []uint64{0, 77, uint64(d.m.Pages) - 1} {
			f, slot, ok := d.m2p(uint64(d.p2m[pfn]))
			listed := binary.LittleEndian.Uint64(d.guest(d.list + pfn>>9)[pfn&511*8:])
			if !ok || p.entry(f, slot) != pfn || listed != uint64(d.p2m[pfn]) {
				t.Errorf("%v: frame %x is listed as %x, and that as %x", kind, pfn, listed, p.entry(f, slot))
			}
		}
	}
}

// TestBuildMistakes: what cannot be a guest is refused in a sentence.
func TestBuildMistakes(t *testing.T) {
	k := tinyKernel(t)
	for want, m := range map[string]*Machine{
		"a guest with 64 MiB: it may have 128 to 512": {Pages: 64 << 8},
		"the command line has more than 1023 bytes":   {Pages: 128 << 8, Cmdline: strings.Repeat("x", 1024)},
	} {
		if _, err := build(k, m); err == nil || err.Error() != want {
			t.Errorf("%v; want %q", err, want)
		}
	}
	if _, err := End(k, "nowhere"); err == nil || !strings.Contains(err.Error(), `no function "nowhere"`) {
		t.Errorf("a stop that is not there: %v", err)
	}
	if stop, err := End(k, ""); err != nil || stop != "mem_init" {
		t.Errorf("it stops at %q, %v", stop, err)
	}
}

// makeTable has a guest make a table, pin and link it, as a kernel does that adds one. It returns
// what was answered.
func makeTable(p *fake) (out []int64) {
	table := p.mfn(1)
	binary.LittleEndian.PutUint64(p.frame(table)[8*5:], p.mfn(2)<<12|0x67)
	out = append(out, p.call(hypercall.UpdateVA, p.va(1), table<<12|0x65, 0))
	out = append(out, p.call(hypercall.MMUExt, p.args(hypercall.PinL1, table, 0), 1, 0, 0x7ff0))
	out = append(out, p.call(hypercall.MMUUpdate, p.args(l2(p)<<12+8*200, table<<12|0x67), 1, 0, 0x7ff0))
	return out
}

// l2 is the frame of the guest's first L2.
func l2(p *fake) uint64 { return uint64(p.h.d.p2m[p.h.d.root+2]) } // the same in both orders

// judge judges what was recorded.
func judge(t *testing.T, p *fake) *recorded.Judgement {
	t.Helper()
	p.h.rec.compare(p.h)
	rec, err := p.h.rec.finish()
	if err != nil {
		t.Fatal(err)
	}
	j, err := recorded.Judge("guest", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(rec)), nil })
	if err != nil {
		t.Fatalf("%v\n%s", err, rec)
	}
	return j
}

// TestTables: what the model grants is in the guest's memory, as the hypervisor stores it, and the
// recording of it holds.
func TestTables(t *testing.T) {
	for _, kind := range kinds {
		p := newFake(t, kind, nil)
		for i, rc := range makeTable(p) {
			if rc != 0 {
				t.Errorf("%v: request %d was answered %d", kind, i, rc)
			}
		}
		if e := p.entry(p.mfn(1), 5); e != p.mfn(2)<<12|0x67|uint64(model.Global) {
			t.Errorf("%v: the table's entry is %x", kind, e)
		}
		if e := p.entry(l2(p), 200); e != p.mfn(1)<<12|0x67 {
			t.Errorf("%v: the pointer is %x", kind, e)
		}
		if rc := p.call(hypercall.UpdateVA, p.va(1), p.mfn(1)<<12|0x67, 0); rc != -int64(model.EBUSY) {
			t.Errorf("%v: a writable mapping of a table is answered %d", kind, rc)
		}
		j := judge(t, p)
		for _, f := range j.Findings {
			if f.Rule != "requests-granted" { // the last one was refused, and rightly
				t.Errorf("%v: %s: %s", kind, f.Rule, f.Detail)
			}
		}
		if j.Totals.Of("stores") != 2 || !j.Complete() || j.Guest.Requests != 4 {
			t.Errorf("%v: %+v, %+v", kind, j.Totals, j.Guest)
		}
	}
}

// TestRoot: a root that is loaded gets the hypervisor's slots, and is what the processor uses.
func TestRoot(t *testing.T) {
	p := newFake(t, model.DomU, nil)
	d := p.h.d
	copy(p.frame(p.mfn(1)), p.frame(uint64(d.p2m[d.root])))
	for slot := range 16 {
		binary.LittleEndian.PutUint64(p.frame(p.mfn(1))[8*(firstXenSlot+slot):], 0x666)
	}
	p.call(hypercall.UpdateVA, p.va(1), p.mfn(1)<<12|0x65, 0)
	if rc := p.call(hypercall.MMUExt, p.args(hypercall.PinL4, p.mfn(1), 0, hypercall.NewBaseptr, p.mfn(1), 0), 2, 0, 0x7ff0); rc != 0 {
		t.Fatalf("the root is answered %d", rc)
	}
	if p.root != p.mfn(1)<<12 || p.entry(p.mfn(1), firstXenSlot) != d.slots[0] || p.entry(p.mfn(1), lastXenSlot) != 0 {
		t.Errorf("the processor has %x; slots hold %x and %x", p.root, p.entry(p.mfn(1), firstXenSlot), p.entry(p.mfn(1), lastXenSlot))
	}
	if j := judge(t, p); len(j.Findings) > 0 {
		t.Errorf("%s: %s", j.Findings[0].Rule, j.Findings[0].Detail)
	}
}

// TestRefusals: the request that is to be refused is, once, and nothing is done for it; one that
// is broken off is made again and then carried out.
func TestRefusals(t *testing.T) {
	p := newFake(t, model.Dom0, &Refusal{At: 1, Errno: model.ENOMEM})
	if got := makeTable(p); got[0] != 0 || got[1] != -int64(model.ENOMEM) || got[2] != 0 {
		t.Errorf("the answers are %v", got)
	}
	if p.h.s.InfoAt(p.h.l.Map.Frame(model.MFN(p.mfn(1)))).Is(model.Pinned) {
		t.Error("the pin that was refused was made")
	}
	p = newFake(t, model.Dom0, &Refusal{At: 1, Preempted: true})
	p.call(hypercall.UpdateVA, p.va(1), p.mfn(1)<<12|0x65, 0)
	p.call(hypercall.MMUExt, p.args(hypercall.PinL1, p.mfn(1), 0), 1, 0, 0x7ff0)
	if p.pc != caller-2 || p.regs[emulator.RSI] != hypercall.Preempted|1 {
		t.Fatalf("the guest goes on at %x, with %x requests", p.pc, p.regs[emulator.RSI])
	}
	if rc := p.call(hypercall.MMUExt, p.args(hypercall.PinL1, p.mfn(1), 0), p.regs[emulator.RSI], 0, 0x7ff0); rc != 0 {
		t.Errorf("made again it is answered %d", rc)
	}
	if j := judge(t, p); len(j.Findings) > 0 || j.Guest.Restarts != 1 {
		t.Errorf("%+v, %+v", j.Findings, j.Guest)
	}
}

// TestMulticall: each entry is carried out and answered; one that is broken off is where the
// multicall goes on.
func TestMulticall(t *testing.T) {
	entry := func(number uint64, args ...uint64) []uint64 {
		return append([]uint64{number, 99}, append(args, make([]uint64, 6-len(args))...)...)
	}
	two := func(p *fake) []uint64 {
		return append(entry(hypercall.UpdateVA, p.va(1), p.mfn(1)<<12|0x65, 0), entry(hypercall.UpdateVA, 0x5000, 0, 0)...)
	}
	p := newFake(t, model.Dom0, nil)
	at := p.args(two(p)...)
	if rc := p.call(hypercall.Multicall, at, 2); rc != 0 {
		t.Fatalf("it is answered %d", rc)
	}
	w, err := p.h.words(at, 16)
	if err != nil || w[1] != 0 || int64(w[9]) != -int64(model.EINVAL) {
		t.Errorf("its entries are answered %x and %x, %v", w[1], w[9], err)
	}
	p = newFake(t, model.Dom0, &Refusal{At: 1, Preempted: true})
	at = p.args(two(p)...)
	p.call(hypercall.Multicall, at, 2)
	if p.pc != caller-2 || p.regs[emulator.RDI] != at+64 || p.regs[emulator.RSI] != 1 {
		t.Errorf("it goes on at %x with %d entries from %x", p.pc, p.regs[emulator.RSI], p.regs[emulator.RDI])
	}
}

// TestTableStore: a store of dom0's to a table is carried out for it, as the model allows; of a
// domU that has not asked for it it is a page fault.
func TestTableStore(t *testing.T) {
	store := func(kind model.GuestKind, code string, v uint64) *fake {
		p := newFake(t, kind, nil)
		makeTable(p)
		p.h.traps[pageFault] = trapGate{address: 0xbad}
		copy(p.frame(p.mfn(3)), code)
		trap := &emulator.Trap{Vector: pageFault, Code: 7, CR2: p.va(1) + 8*5, PC: p.va(3)}
		trap.Registers[emulator.RSI], trap.Registers[emulator.RSP] = v, virtBase+p.h.d.stack<<12+0x800
		p.regs = trap.Registers
		p.h.trap(trap)
		return p
	}
	const mov, xchg = "\x48\x89\x37", "\x48\x87\x37" // %rsi to (%rdi)
	p := store(model.Dom0, mov, 0)
	if p.pc != p.va(3)+3 || p.entry(p.mfn(1), 5) != 0 {
		t.Errorf("dom0 goes on at %x, the entry is %x", p.pc, p.entry(p.mfn(1), 5))
	}
	if j := judge(t, p); len(j.Findings) > 0 || j.Guest.Emulated != 1 {
		t.Errorf("%+v, %+v", j.Findings, j.Guest)
	}
	p = store(model.Dom0, xchg, 0)
	if old := p.regs[emulator.RSI]; old>>12&0xffffff != p.mfn(2) {
		t.Errorf("xchg gives %x back", old)
	}
	p = store(model.DomU, mov, 0)
	if p.pc != 0xbad || p.entry(p.mfn(1), 5) == 0 {
		t.Errorf("domU goes on at %x, the entry is %x", p.pc, p.entry(p.mfn(1), 5))
	}
	p = store(model.Dom0, "\xf0\x48\x0f\xb1\x37", 0)
	if p.ended != "unknown" {
		t.Errorf("an instruction that is not known ends it with %q", p.ended)
	}
}

// TestDecodeStore: lengths and operands of stores.
func TestDecodeStore(t *testing.T) {
	for code, want := range map[string]storeInstruction{
		"\x48\x89\x37":                         {length: 3, register: 6},
		"\x4c\x89\x04\xc5\x00\x10\x00\x00":     {length: 8, register: 8},
		"\x48\x89\x44\x24\x08":                 {length: 5, register: 0},
		"\x48\x89\x05\x01\x02\x03\x04":         {length: 7, register: 0},
		"\x49\x89\x84\x24\x00\x01\x00\x00":     {length: 8, register: 0},
		"\x48\xc7\x02\xff\xff\xff\xff":         {length: 7, register: -1, value: ^uint64(0)},
		"\x48\x87\x3e":                         {length: 3, register: 7, exchange: true},
		"\x48\xc7\x44\x24\x10\x05\x00\x00\x00": {length: 9, register: -1, value: 5},
	} {
		b := make([]byte, 16)
		copy(b, code)
		if got, ok := decodeStore(b); !ok || got != want {
			t.Errorf("% x: %+v, %v; want %+v", code, got, ok, want)
		}
	}
	for _, code := range []string{"\x89\x37", "\x48\x8b\x37", "\x48\x89\xf7", "\xf0\x48\x0f\xb1\x37"} {
		b := make([]byte, 16)
		copy(b, code)
		if in, ok := decodeStore(b); ok {
			t.Errorf("% x is taken for a store: %+v", code, in)
		}
	}
	if _, ok := decodeStore([]byte("\x48\x89\x37")); ok {
		t.Error("an instruction at the end of what is mapped was decoded")
	}
}

// TestExceptions: an exception is put on the guest's stack, and iret takes it back.
func TestExceptions(t *testing.T) {
	p := newFake(t, model.DomU, nil)
	p.h.trap(&emulator.Trap{Vector: invalidOpcode, PC: p.va(3)})
	if p.ended != "exception" {
		t.Fatalf("without a handler it ends with %q", p.ended)
	}
	p = newFake(t, model.DomU, nil)
	if rc := p.call(hypercall.SetTrapTable, p.args(pageFault|kernelCS<<16, 0x1234, 0, 0)); rc != 0 {
		t.Fatalf("set_trap_table is answered %d", rc)
	}
	sp := virtBase + p.h.d.stack<<12 + 0xff8
	trap := &emulator.Trap{Vector: pageFault, Code: 6, CR2: 0x5000, PC: p.va(3), Flags: 0x46}
	trap.Registers[emulator.RSP], trap.Registers[emulator.RCX], trap.Registers[emulator.R11] = sp, 0xc, 0x11
	p.h.trap(trap)
	w, err := p.h.words(p.regs[emulator.RSP], 8)
	want := []uint64{0xc, 0x11, 2, p.va(3), 0xe030, 0x246, sp, kernelSS}
	if err != nil || p.pc != 0x1234 || !equal(w, want) {
		t.Errorf("the handler at %x finds %x, %v; want %x", p.pc, w, err, want)
	}
	if cr2 := p.entry(p.h.d.sharedInfo, 2); cr2 != 0x5000 {
		t.Errorf("the guest is told of address %x", cr2)
	}
	frame := p.args(1, 2, 3, 0, 0x4444, 0xe030, 0x46, 0x5555, kernelSS)
	iret := &emulator.Trap{Hypercall: true, PC: caller}
	iret.Registers[emulator.RAX], iret.Registers[emulator.RSP] = hypercall.Iret, frame
	p.h.trap(iret)
	if p.pc != 0x4444 || p.regs[emulator.RAX] != 1 || p.regs[emulator.R11] != 2 || p.regs[emulator.RCX] != 3 || p.regs[emulator.RSP] != 0x5555 {
		t.Errorf("iret goes to %x with %x", p.pc, p.regs)
	}
}

func equal(a, b []uint64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// TestPrivileged: what only the hypervisor may do is done for the guest, or refused as an
// exception.
func TestPrivileged(t *testing.T) {
	for code, want := range map[string]int{
		"\x0f\x31": 2, "\x0f\x30": 2, "\x0f\x32": 2, "\xfa": 1, "\xec": 1, "\xe4\x60": 2, "\x66\xed": 2, "\xe6\x80": 2, "\x0f\x20\xd8": 3,
		"\x0f\x06": 2, "\x0f\x01\x10": 0, "\xf4": 0,
	} {
		p := newFake(t, model.Dom0, nil)
		trap := &emulator.Trap{Vector: protection}
		trap.Registers[emulator.RCX] = msrGSBase
		b := make([]byte, 16)
		copy(b, code)
		if got := p.h.privileged(trap, b); got != want {
			t.Errorf("% x: %d bytes, want %d", code, got, want)
		}
		trap.Registers[emulator.RCX] = 0x10
		if n := p.h.privileged(trap, []byte("\x0f\x32\x90\x90")); n != 0 {
			t.Error("a register that there is not was read")
		}
	}
}
