package machines

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/traces/emulator"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// openWatched opens the recording of a boot that QEMU ran.
func openWatched(t *testing.T, name string) *kernel.Reader {
	t.Helper()
	f, err := os.Open("../../testdata/recordings/" + name + ".rec.gz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r, err := kernel.NewReader(name, z)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// mapsMemory reports whether code of the kernel's is what builds its direct map.
func mapsMemory(k *emulator.Kernel, addr uint64) bool {
	name, _ := k.Function(addr)
	return strings.HasPrefix(name, "phys_p") && strings.HasSuffix(name, "_init") || strings.HasSuffix(name, "kernel_physical_mapping_init")
}

// mapped is the line of a recording at which the kernel's direct map is built and in use: its code
// stores nothing to it any more, and its root is loaded. 0: there is no such line.
func mapped(t *testing.T, k *emulator.Kernel, r *kernel.Reader, root uint64) (line int) {
	t.Helper()
	loaded := false
	for {
		var e kernel.Event
		switch err := r.Next(&e); {
		case errors.Is(err, io.EOF):
			return line
		case err != nil:
			t.Fatal(err)
		}
		if e.Kind == kernel.Control && e.CR3 == root && !loaded {
			loaded, line = true, e.Line
		}
		if e.Kind != kernel.Store {
			continue
		}
		for _, addr := range append([]uint64{e.RIP}, e.Callers()...) {
			if mapsMemory(k, addr) {
				line = e.Line
			}
		}
	}
}

// machineOf is the machine of a recording, as the emulator has it: its processor has the flaw
// that makes kernels isolate user mode, and QEMU's has not.
func machineOf(h *kernel.Header) *emulator.Machine {
	m := &emulator.Machine{Features: emulator.PSE | emulator.PGE | emulator.NX, Cmdline: h.Value(kernel.KeyCmdline) + " nopti"}
	for _, r := range h.E820 {
		kind := emulator.Reserved
		if r.Kind == kernel.Usable {
			kind = emulator.Usable
		}
		m.Map = append(m.Map, emulator.Range{Start: r.Start, End: r.End, Kind: kind})
	}
	return m
}

// memoryLeaves are the leaves of the direct map of memory, without accessed and dirty bits, by
// address.
func memoryLeaves(k *emulator.Kernel, t *emulator.Tables, m *emulator.Machine) map[uint64]emulator.Leaf {
	const used = 0x60
	base := expect(k, t.Levels, m, mostLimit).base
	out := map[uint64]emulator.Leaf{}
	t.Leaves(func(l emulator.Leaf) bool {
		if pa := l.VA - base; l.VA >= base && pa < m.Map[3].End {
			l.Entry &^= used
			l.Pointers = [6]uint64{}
			out[l.VA] = l
		}
		return true
	})
	return out
}

// twins holds all that is mapped under two roots against each other, entry by entry: leaves, and
// the pointers that lead to them. Tables may lie in other frames, each in one of its own; the
// processor's marks of use are left out.
func twins(t *testing.T, name string, ours, theirs *emulator.Tables) {
	t.Helper()
	const used, frame = 0x60, 0x000ffffffffff000
	var a, b []emulator.Leaf
	ours.Leaves(func(l emulator.Leaf) bool { a = append(a, l); return true })
	theirs.Leaves(func(l emulator.Leaf) bool { b = append(b, l); return true })
	if len(a) != len(b) {
		t.Fatalf("%s: %d leaves, in QEMU %d", name, len(a), len(b))
	}
	there, here := map[uint64]uint64{}, map[uint64]uint64{}
	for i := range a {
		x, y := a[i], b[i]
		for level := range x.Pointers {
			p, q := x.Pointers[level]&frame, y.Pointers[level]&frame
			if x.Pointers[level]|y.Pointers[level] == 0 {
				continue // nothing of this level leads there
			}
			if f, ok := there[p]; ok && f != q {
				t.Fatalf("%s: the table at %x is at %x in QEMU for one address and at %x for another", name, p, f, q)
			}
			if f, ok := here[q]; ok && f != p {
				t.Fatalf("%s: two tables, at %x and %x, are one in QEMU, at %x", name, f, p, q)
			}
			there[p], here[q] = q, p
			x.Pointers[level] &^= frame | used
			y.Pointers[level] &^= frame | used
		}
		x.Entry, y.Entry = x.Entry&^used, y.Entry&^used
		if x != y {
			t.Fatalf("%s: %+x, in QEMU %+x", name, x, y)
		}
	}
	moved := 0
	for p, q := range there {
		if p == q {
			continue
		}
		if moved++; q != p+0x1000 {
			t.Errorf("%s: the table at %x is at %x in QEMU, not in the next frame", name, p, q)
		}
	}
	t.Logf("%s: %d leaves and their %d tables are the same, %d of these a frame further on in QEMU", name, len(a), len(there), moved)
}

// at is what a recording comes to at the moment when the direct map is built and in use.
func at(t *testing.T, k *emulator.Kernel, open func() *kernel.Reader, root uint64) (tables *emulator.Tables, line int) {
	t.Helper()
	if line = mapped(t, k, open(), root); line == 0 {
		return nil, 0
	}
	tables, err := emulator.ReadTablesTo(open(), line)
	if err != nil {
		t.Fatal(err)
	}
	return tables, line
}

// TestDrivenWatched: the direct map that a kernel builds in the emulator is, leaf by leaf, the one
// that it built in QEMU on a machine with the same memory, when it had just built it. At that
// moment all else that is mapped is the same, too: the image, what the boot left. A table may lie a
// frame further on there, because QEMU's firmware tables, which are mapped for a look, took one before.
func TestDrivenWatched(t *testing.T) {
	kernels, o := driven(t)
	for name, k := range kernels {
		watched := openWatched(t, name)
		m := machineOf(&watched.Header)
		s, err := Start(context.Background(), k, o)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Try(m)
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		ours, err := s.tables(out.Recording)
		if err != nil {
			t.Fatal(err)
		}
		theirs, line := at(t, k, func() *kernel.Reader { return openWatched(t, name) }, ours.CR3)
		if line == 0 {
			t.Logf("%s: SKIPPED: the recording is of another kernel than this one", name)
			continue
		}
		then, _ := at(t, k, func() *kernel.Reader {
			r, err := out.Recording.Reader(name)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}, ours.CR3)
		if then == nil {
			t.Fatalf("%s: no direct map is built here", name)
		}
		twins(t, name, then, theirs)
		is, want := memoryLeaves(k, ours, m), memoryLeaves(k, theirs, m)
		wrong := 0
		for va, l := range want {
			if is[va] != l {
				if wrong++; wrong < 4 {
					t.Errorf("%s: %x is mapped by %+x, in QEMU by %+x", name, va, is[va], l)
				}
			}
		}
		if len(is) != len(want) || len(want) < 50 {
			t.Errorf("%s: %d leaves, in QEMU %d", name, len(is), len(want))
		}
		t.Logf("%s: %d leaves compared at line %d", name, len(want), line)
	}
}
