package machine

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/internal/testlib"
)

// unprivileged is a guest of 64 bits: the first 2 MiB are mapped one to one for user mode, the
// page at 150000 read-only. Code at its origin loads a descriptor table and goes, unprivileged, to
// 100100.
func unprivileged(t *testing.T, code string) (*Image, *Case) {
	t.Helper()
	b, err := hex.DecodeString(code)
	if err != nil {
		t.Fatal(err)
	}
	img, err := NewImage(64)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(img.Close)
	kernel := make([]byte, 0x400)
	copy(kernel, "\x0f\x01\x15\xf9\x01\x00\x00\x48\xcf") // lgdt 0x1f9(%rip); iretq
	copy(kernel[0x100:], b)
	put := binary.LittleEndian.PutUint64
	binary.LittleEndian.PutUint16(kernel[0x200:], 0xff)
	put(kernel[0x202:], origin+0x300)
	put(kernel[0x310:], 0x00affb000000ffff) // selector 13
	put(kernel[0x318:], 0x00cff3000000ffff) // selector 1b
	if err := img.Load(origin, kernel); err != nil {
		t.Fatal(err)
	}
	tables := make([]byte, 0x4000)
	put(tables, 0x11007)
	put(tables[0x1000:], 0x12007)
	put(tables[0x2000:], 0x13007)
	for i := range 512 {
		put(tables[0x3000+8*i:], uint64(i)<<12|7)
	}
	put(tables[0x3000+8*0x150:], 0x150005)
	stack := make([]byte, 40)
	for i, v := range []uint64{origin + 0x100, 0x13, 2, 0x9000, 0x1b} {
		put(stack[8*i:], v)
	}
	return img, &Case{RAM: []Range{{0, 2 << 20}}, PC: origin, CR0: 0x80010011, CR3: 0x10000, CR4: 0x24, EFER: 0xd00, Stack: 0x8000,
		Patches: []Patch{{0x10000, tables}, {0x8000, stack}}, Stops: map[uint64]string{}, CPUID: map[Leaf][4]uint32{{1, 0}: {42}}}
}

// skipping is a hypervisor that notes what it is told and skips instructions that it is asked for.
type skipping struct {
	told   []string
	length map[int]uint64
	answer uint64
	err    error
}

func (s *skipping) Trap(g *Guest, t Trap) error {
	switch {
	case t.Stop != "":
		s.told = append(s.told, "stop "+t.Stop)
	case t.Hypercall:
		s.told = append(s.told, fmt.Sprintf("call %x at %x", t.Registers[0], t.PC))
		g.SetRegister(0, s.answer)
	default:
		s.told = append(s.told, fmt.Sprintf("exception %d code %x cr2 %x at %x", t.Vector, t.Code, t.CR2, t.PC))
		g.SetPC(t.PC + s.length[t.Vector])
	}
	return s.err
}

// Code that makes a hypercall, reads the clock, stores to a page that is read-only, turns
// interrupts off, asks for CPUID, is no instruction, and stops.
const naughty = "b807000000" + "0f05" + "0f31" + "c604250000150001" + "fa" + "b801000000" + "0fa2" + "0f0b" + "90"

// TestHost: an unprivileged guest can do nothing that the hypervisor is not asked for.
func TestHost(t *testing.T) {
	l := testlib.Load(t)
	img, c := unprivileged(t, naughty)
	c.Stops[origin+0x11b] = "end"
	hv := &skipping{length: map[int]uint64{6: 2, 14: 8}, answer: 0x99}
	// The clock is two bytes long, cli one: both are exceptions of the same number.
	res, err := Host(l, img, c, &byCode{skipping: hv, img: img})
	if err != nil || res.Stop != "end" || res.PC != origin+0x11b || res.Registers[0] != 42 {
		t.Fatalf("%+v, %v", res, err)
	}
	want := []string{"call 7 at 100107", "exception 13 code 0 cr2 0 at 100107", "exception 14 code 7 cr2 150000 at 100109",
		"exception 13 code 0 cr2 150000 at 100111", "exception 6 code 0 cr2 150000 at 100119", "stop end"}
	if got := clean(hv.told); !slices.Equal(got, clean(want)) {
		t.Errorf("the hypervisor was told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// clean leaves the error code of what has none out: it is that of an earlier exception.
func clean(list []string) (out []string) {
	for _, s := range list {
		if strings.HasPrefix(s, "exception 6 ") {
			s = "exception 6 at " + s[strings.LastIndex(s, " ")+1:]
		}
		out = append(out, s)
	}
	return out
}

// byCode finds the length of what raised exception 13.
type byCode struct {
	*skipping
	img *Image
}

func (b *byCode) Trap(g *Guest, t Trap) error {
	b.length[13] = 1
	if m := g.Memory(t.PC, 2); m != nil && m[0] == 0x0f {
		b.length[13] = 2
	}
	return b.skipping.Trap(g, t)
}

// TestHostMemory: memory is the hypervisor's to change, and what is not there is nil.
func TestHostMemory(t *testing.T) {
	l := testlib.Load(t)
	img, c := unprivileged(t, "0f05"+"8b042500001600"+"0f05")
	hv := &writing{}
	res, err := Host(l, img, c, hv)
	if err != nil || res.Stop != "done" || res.Detail != "as it was told" || hv.second != 0x12345678 {
		t.Errorf("%+v, %v, %x", res, err, hv.second)
	}
	if err := hv.g.SetRegister(16, 0); err == nil {
		t.Error("register 16 was set")
	}
	failing := &skipping{err: errors.New("no more")}
	if _, err := Host(l, img, c, failing); err == nil || err.Error() != "no more" || len(failing.told) != 1 {
		t.Errorf("the hypervisor's error: %v, after %d traps", err, len(failing.told))
	}
}

type writing struct {
	g      *Guest
	n      int
	second uint64
}

func (w *writing) Trap(g *Guest, t Trap) error {
	w.g = g
	if w.n++; w.n == 1 {
		copy(g.Memory(0x160000, 4), "\x78\x56\x34\x12")
		if g.Memory(2<<20, 1) != nil || g.Memory(0, -1) != nil {
			return errors.New("there is memory where none is")
		}
		return nil
	}
	w.second = t.Registers[0]
	g.End("done", "as it was told")
	return nil
}
