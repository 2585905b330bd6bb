package guests

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/systems/recorded"
	"github.com/ptcheck/ptcheck/traces/emulator"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// driven returns a 64-bit kernel and what starts runners, or skips the test and says why.
func driven(t *testing.T) (*emulator.Kernel, func() (*emulator.Runner, error)) {
	t.Helper()
	runner, dir := os.Getenv("PTCHECK_RUNNER"), os.Getenv("PTCHECK_KERNELS")
	if runner == "" || dir == "" {
		t.Skip("SKIPPED, NO KERNEL WAS RUN: PTCHECK_RUNNER and PTCHECK_KERNELS name ptcheck-run and a folder of kernels (.ci/driven sets them)")
	}
	k, err := emulator.Open(filepath.Join(dir, "amd64"), "")
	if err != nil {
		t.Fatal(err)
	}
	return k, func() (*emulator.Runner, error) {
		return emulator.Start(context.Background(), runner, os.Getenv("PTCHECK_UNICORN"), 2*time.Minute)
	}
}

// plain boots a kernel without refusals.
func plain(t *testing.T, k *emulator.Kernel, start func() (*emulator.Runner, error), m *Machine) *Run {
	t.Helper()
	r, err := start()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stop, err := End(k, "")
	if err != nil {
		t.Fatal(err)
	}
	run, err := Boot(r, k, m, stop, nil)
	if err != nil {
		t.Fatal(err)
	}
	if run.Stop != stop {
		t.Fatalf("%v does not get to %s: %s\n%s", m.Kind, stop, run.Why(k), run.Console)
	}
	return run
}

// TestDrivenGuests: a real kernel gets to the end of its tables as each kind of guest, nothing is
// stored behind the hypervisor's back, every rule holds, and it does the same again.
func TestDrivenGuests(t *testing.T) {
	k, start := driven(t)
	for _, kind := range kinds {
		m := &Machine{Kind: kind, Pages: 256 << 8, Cmdline: "quiet", Features: emulator.NX}
		run := plain(t, k, start, m)
		j, err := recorded.Judge(kind.String(), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(run.Recording)), nil })
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range j.Findings {
			t.Errorf("%v: %s: %s", kind, f.Rule, f.Detail)
		}
		if !j.Complete() || j.Guest.Requests < 5000 || len(run.Tables) < 150 {
			t.Errorf("%v: %s; %d requests, %d tables", kind, j.Completeness(), j.Guest.Requests, len(run.Tables))
		}
		if again := plain(t, k, start, m); !bytes.Equal(again.Recording, run.Recording) {
			t.Errorf("%v: another boot is another recording", kind)
		}
	}
}

// TestDrivenRefusals: one request of each outcome is refused.
func TestDrivenRefusals(t *testing.T) {
	k, start := driven(t)
	m := &Machine{Kind: model.DomU, Pages: 256 << 8, Cmdline: "quiet", Features: emulator.NX}
	run := plain(t, k, start, m)
	r, err := start()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, x := range []struct {
		number uint64
		from   string
		answer Refusal
		want   Verdict
	}{
		{hypercall.MMUExt, "pin_pagetable_pfn", Refusal{Errno: model.EINVAL}, Stops},
		{hypercall.MMUExt, "pin_pagetable_pfn", Refusal{Preempted: true}, Copes},
		{hypercall.MMUExt, "xen_mc_flush < xen_mc_issue < paravirt_alloc_pte", Refusal{Errno: model.ENOMEM}, GoesOn},
	} {
		list := run.Sites()
		i := slices.IndexFunc(list, func(s Site) bool { return s.Number == x.number && strings.HasPrefix(s.From(k), x.from) })
		if i < 0 {
			t.Errorf("no request from %s", x.from)
			continue
		}
		x.answer.At = list[i].First
		got, err := Boot(r, k, m, run.Stop, &x.answer)
		if err != nil {
			t.Fatal(err)
		}
		if v, detail := got.Judge(k, run); v != x.want {
			t.Errorf("%v of %s: it %v (%s), want: it %v", x.answer, x.from, v, detail, x.want)
		}
	}
}

// asked is a request about tables, by its words, and from where it came.
type asked struct {
	from  string
	words []word
}

// word is a number, or one that names a frame of the machine.
type word struct {
	v     uint64
	frame bool
}

// again is the number of a request that was made before and is taken up again.
const again = ^uint64(0)

// requests are those about tables that a recording has from the guest's first instruction on.
func requests(t *testing.T, r *kernel.Reader, name func(uint64) string) (out []asked) {
	t.Helper()
	for {
		var e kernel.Event
		switch err := r.Next(&e); {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			t.Fatal(err)
		}
		const flags = ^uint64(model.FrameMask)
		last := len(out) - 1
		number := e.Number
		switch e.Kind {
		case kernel.Hypercall, kernel.Entry:
			if number == hypercall.MMUUpdate || number == hypercall.MMUExt {
				if e.Args[1]&hypercall.Preempted != 0 {
					number = again
				}
			}
			a := asked{words: []word{{number, false}}}
			if e.Kind == kernel.Entry && last >= 0 {
				a.from = out[last].from
			}
			if callers := e.Callers(); len(callers) > 0 {
				a.from = name(callers[0])
			}
			if number == hypercall.UpdateVA {
				a.words = append(a.words, word{e.Args[0], false}, word{e.Args[1] >> 12 & (1<<40 - 1), true}, word{e.Args[1] & flags, false})
			}
			out = append(out, a)
		case kernel.Update:
			out[last].words = append(out[last].words, word{e.Ptr >> 12, true}, word{e.Ptr & 0xfff, false}, word{e.New >> 12 & (1<<40 - 1), e.Ptr&3 != 1}, word{e.New & flags, false})
		case kernel.Extended:
			if e.Cmd <= hypercall.NewBaseptr {
				out[last].words = append(out[last].words, word{e.Cmd, false}, word{e.Args[0], true})
			}
		}
	}
}

// aboutTables keeps the requests that tables depend on.
func aboutTables(list []asked) []asked {
	return slices.DeleteFunc(list, func(a asked) bool {
		switch a.words[0].v {
		case again:
			return true
		case hypercall.MMUUpdate, hypercall.MMUExt, hypercall.UpdateVA:
			return len(a.words) < 2
		}
		return true
	})
}

// same reports whether two requests are the same but for where the guest's memory lies on its
// machine. places is what is known of that.
func (a *asked) same(b *asked, places map[uint64]uint64) bool {
	if len(a.words) != len(b.words) {
		return false
	}
	for i, w := range a.words {
		v := b.words[i]
		if !w.frame || w.v < 0x100 || v.v < 0x100 {
			if w.v != v.v {
				return false
			}
			continue
		}
		if at, known := places[w.v]; known && at != v.v {
			return false
		}
		places[w.v] = v.v
	}
	return true
}

// TestDrivenPrefix: what the kernel asks the model for is what the same kernel asked a real Xen
// for, request by request, up to the search for the firmware's tables, which that machine had. Of
// the tables behind that, which then lie at other places, the numbers are the same.
func TestDrivenPrefix(t *testing.T) {
	k, start := driven(t)
	f, err := os.Open("../../testdata/recordings/xen-dom0.rec.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	watched, err := kernel.NewReader("xen-dom0.rec.gz", z)
	if err != nil {
		t.Fatal(err)
	}
	name := func(addr uint64) string {
		n, _ := k.Function(addr)
		return n
	}
	theirs := aboutTables(requests(t, watched, name))
	run := plain(t, k, start, &Machine{Kind: model.Dom0, Pages: 256 << 8, Cmdline: watched.Header.Value(kernel.KeyCmdline), Features: emulator.NX})
	mine, err := kernel.NewReader("guest", bytes.NewReader(run.Recording))
	if err != nil {
		t.Fatal(err)
	}
	ours := aboutTables(requests(t, mine, name))
	n := 0
	for places := map[uint64]uint64{}; n < min(len(theirs), len(ours)) && ours[n].same(&theirs[n], places); n++ {
	}
	if n == len(ours) {
		return
	}
	t.Logf("the first %d requests are the same; then %s asks for %v, there %s for %v", n, ours[n].from, ours[n].words, theirs[n].from, theirs[n].words)
	if theirs[0].from != ours[0].from {
		t.Skipf("SKIPPED: the recording is of another kernel than this one")
	}
	if n < 90 || ours[n].from != "__xen_set_pte" {
		t.Errorf("want 90 at least, and then __early_ioremap's")
	}
	for _, from := range []string{"pin_pagetable_pfn", "make_lowmem_page_readwrite"} {
		count := func(list []asked) (c int) {
			for _, a := range list {
				if a.from == from {
					c++
				}
			}
			return c
		}
		if a, b := count(ours), count(theirs); a != b {
			t.Errorf("%d requests from %s, there %d", a, from, b)
		}
	}
}
