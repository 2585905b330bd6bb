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
			out[l.VA] = l
		}
		return true
	})
	return out
}

// TestDrivenWatched: the direct map that a kernel builds in the emulator is, leaf by leaf, the one
// that it built in QEMU on a machine with the same memory, when it had just built it.
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
		line := mapped(t, k, watched, ours.CR3)
		if line == 0 {
			t.Logf("%s: SKIPPED: the recording is of another kernel than this one", name)
			continue
		}
		theirs, err := emulator.ReadTablesTo(openWatched(t, name), line)
		if err != nil {
			t.Fatal(err)
		}
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
