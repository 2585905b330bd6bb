package machine

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/internal/testlib"
	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

// origin is where the guests of these tests lie.
const origin = 0x100000

// guest is code of 32 bits at origin, and a machine of 2 MiB for it.
func guest(t *testing.T, code string) (*Image, *Case) {
	t.Helper()
	b, err := hex.DecodeString(code)
	if err != nil {
		t.Fatal(err)
	}
	img, err := NewImage(32)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(img.Close)
	if err := img.Load(origin, b); err != nil {
		t.Fatal(err)
	}
	if err := img.Code(origin, origin, len(b)); err != nil {
		t.Fatal(err)
	}
	return img, &Case{RAM: []Range{{0, 2 << 20}}, PC: origin, CR0: 0x11, Stack: 0x9000, Stops: map[uint64]string{}}
}

func boot(t *testing.T, l *unicorn.Library, img *Image, c *Case) (string, Result) {
	t.Helper()
	rec, res, err := Run(l, img, c)
	if err != nil {
		t.Fatal(err)
	}
	return string(rec), res
}

// tablesGuest maps the first 2 MiB one to one, turns paging on, links a table at 13000 and flushes,
// links a table at 14000 and takes it away again without a flush, and changes an entry by a
// locked cmpxchg.
const tablesGuest = "c7050010010003200100b803000000bf00200100b9000200008907050010000083c704e2f4b8001001000f22d80f20c0" +
	"0d000000800f22c0c7050410010003300100c70500300100030010000f013d00004000c7050810010003400100c70504" +
	"40010003001000c7050810010000000000be003001008b06bb0310100050f00fb11e0f3190"

// TestTables: every store to a table is recorded with what it was and became, in order, also
// those from before the table was linked, and those to a table that is linked for a moment only.
func TestTables(t *testing.T) {
	l := testlib.Load(t)
	img, c := guest(t, tablesGuest)
	c.Stops[origin+0x84] = "end"
	got, res := boot(t, l, img, c)
	if res.Stop != "end" || res.PC != origin+0x84 {
		t.Fatalf("it ends with %s at %x: %s", res.Stop, res.PC, res.Detail)
	}
	want := []string{
		"C 100000 3 0 11 0 0", // as it begins
		"S 100000 11 0 0 12003 4 0 11000",
		"C 10002a 3 11000 11 0 0",
		"C 100035 0 11000 80000011 0 0", "M 2",
		"T 2 11 root 0", "e 0 1 12003", "T 1 12 0", "e 0 200 3",
		"S 100038 11 1 0 13003 4 2 11004", "T 1 13 0",
		"S 100042 13 0 0 100003 4 1 13000",
		"I 10004c 400000",
		"S 100053 11 2 0 14003 4 2 11008", "T 1 14 0",
		"S 10005d 14 1 0 100003 4 1 14004",
		"S 100067 11 2 14003 0 4 2 11008", "R 14 1",
		"S 10007e 13 0 100003 101003 4 1 13000",
		// Accessed: the directory, and the pages of the code, the stack and three tables.
		"# end stores 519 controls 3 flushes 1 hypercalls 0 checks 1 differences 0 accessed 6 exceptions 0 unplaced 0 frames 4",
	}
	lines := strings.Split(strings.TrimSpace(got), "\n")
	fills := 0
	lines = slices.DeleteFunc(lines, func(s string) bool {
		if strings.HasPrefix(s, "S 100019 12 ") {
			fills++
			return true
		}
		return false
	})
	if fills != 512 {
		t.Errorf("%d stores fill the table at 12000, want 512", fills)
	}
	for i := range max(len(lines), len(want)) {
		var a, b string
		if i < len(lines) {
			a = lines[i]
		}
		if i < len(want) {
			b = want[i]
		}
		if a != b {
			t.Errorf("line %d: %s\nwant    %s", i+1, a, b)
		}
	}
	// The table at 14000 is there between two looks of the first pass only.
	if res.Passes != 3 {
		t.Errorf("%d passes, want 3", res.Passes)
	}
}

// TestSame: the same case gives the same bytes, whatever was run before in the process.
func TestSame(t *testing.T) {
	l := testlib.Load(t)
	img, c := guest(t, tablesGuest)
	c.Stops[origin+0x84] = "end"
	first, _ := boot(t, l, img, c)
	other, o := guest(t, tablesGuest)
	o.Stops[origin+0x53] = "early"
	boot(t, l, other, o)
	if again, _ := boot(t, l, img, c); again != first {
		t.Error("the second run is another one than the first")
	}
	fresh, _ := guest(t, tablesGuest)
	if again, _ := boot(t, l, fresh, c); again != first {
		t.Error("with an image that knows nothing the run is another one")
	}
}

// faultsGuest has a handler that maps the page that a fault is about, counts the faults in the
// upper half of the word at 15000, and gathers their error codes in the lower half. It faults by a
// store and by a load.
const faultsGuest = "0f011dc0001100c7050010010003200100b803000000bf00200100b9000200008907050010000083c704e2f4c7050027" +
	"010000000000c7050427010000000000b8001001000f22d80f20c00d000000800f22c0891d10001c008b1520101c0090" +
	"0000000000000000000000000000000000000000000000000000000000000000500f20d0c1e80c8b4c2404090d005001" +
	"0081050050010000000100c1e00c83c80389c1c1e90c89048d002001005883c404c20800"

// withIDT gives a guest an IDT with a gate for page faults.
func withIDT(c *Case, handler uint32) {
	idtr := binary.LittleEndian.AppendUint32([]byte{0xff, 0x07}, origin+0x10100)
	gate := make([]byte, 8)
	binary.LittleEndian.PutUint32(gate, handler&0xffff|0x10<<16)
	binary.LittleEndian.PutUint32(gate[4:], handler&0xffff0000|0x8e00)
	c.Patches = append(c.Patches, Patch{origin + 0x100c0, idtr}, Patch{origin + 0x10100 + 14*8, gate})
}

// TestFaults: exceptions go through the guest's IDT, one after the other, with their error codes.
func TestFaults(t *testing.T) {
	l := testlib.Load(t)
	img, c := guest(t, faultsGuest)
	withIDT(c, origin+0x80)
	c.Stops[origin+0x5f] = "end"
	got, res := boot(t, l, img, c)
	if res.Stop != "end" {
		t.Fatalf("it ends with %s: %s", res.Stop, res.Detail)
	}
	for _, want := range []string{"S 1000a6 12 1c0 0 1c0003 4 1 12700", "S 1000a6 12 1c1 0 1c1003 4 1 12704", "exceptions 2 "} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

// TestNoGate: an exception that cannot be delivered ends the run, with the reason.
func TestNoGate(t *testing.T) {
	l := testlib.Load(t)
	img, c := guest(t, faultsGuest)
	c.Patches = append(c.Patches, Patch{origin + 0x100c0, make([]byte, 6)})
	_, res := boot(t, l, img, c)
	if res.Stop != "exception" || !strings.Contains(res.Detail, "exception 14 at 100053, address 1c0010, cannot be delivered: there is no gate") {
		t.Errorf("it ends with %s: %s", res.Stop, res.Detail)
	}
}

// TestLimits: what cannot be run is refused, and what does not end is ended.
func TestLimits(t *testing.T) {
	l := testlib.Load(t)
	img, c := guest(t, tablesGuest)
	c.MaxEvents = 100
	if _, res := boot(t, l, img, c); res.Stop != "events" {
		t.Errorf("a run with too many events ends with %s", res.Stop)
	}
	c.RAM = []Range{{0, origin}}
	if _, _, err := Run(l, img, c); err == nil || !strings.Contains(err.Error(), "does not hold the kernel: it needs 100000 to 101000") {
		t.Errorf("no memory for the image: %v", err)
	}
	halt, h := guest(t, "f4") // hlt
	if _, res := boot(t, l, halt, h); res.Stop != "halt" {
		t.Errorf("a run that halts ends with %s", res.Stop)
	}
	nowhere, n := guest(t, "a100003000"+"f4") // mov 0x300000,%eax
	if _, res := boot(t, l, nowhere, n); res.Stop != "halt" || res.Registers[0] != 0xffffffff || res.Totals.Nowhere != 1 {
		t.Errorf("memory that is not there reads as %x, %d pages", res.Registers[0], res.Totals.Nowhere)
	}
}

// TestLitter: memory from 1 MiB on is full of litter if the case says so, but for the image.
func TestLitter(t *testing.T) {
	l := testlib.Load(t)
	img, c := guest(t, "a100001500"+"8b1d00000600"+"f4") // mov 0x150000,%eax; mov 0x60000,%ebx
	c.Litter = 0x1122334455667788
	_, res := boot(t, l, img, c)
	if got := fmt.Sprintf("%x %x", res.Registers[0], res.Registers[3]); got != "55667788 0" {
		t.Errorf("memory is %s, want 55667788 0", got)
	}
}
