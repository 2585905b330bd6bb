package audit

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/imagetest"
)

// TestCleanMachines holds that a machine as a kernel leaves it breaks no rule in any
// mode, that each rule that applies was put to the test, and that pages are counted.
func TestCleanMachines(t *testing.T) {
	for _, mode := range modes() {
		s := newSmall(mode)
		a := run(t, s.read(t), Options{})
		if b := a.broken(); len(b) > 0 {
			t.Errorf("%v: %v broken: %+v", mode, b, a.verdict(b[0]).Findings)
		}
		for i := range a.Verdicts {
			v := &a.Verdicts[i]
			execution := v.Rule.ID == "image-w-xor-x" || v.Rule.ID == "image-alias-exec" || v.Rule.ID == "image-user-no-exec"
			unfit := strings.HasPrefix(v.Rule.ID, "image-xen-") || execution && mode == image.TwoLevel
			if (v.Unfit != "") != unfit || !unfit && v.Looked == 0 {
				t.Errorf("%v: %s: unfit %q, looked at %d", mode, v.Rule.ID, v.Unfit, v.Looked)
			}
		}
		l := &a.Leaves[0]
		pages := l.Pages4K + l.Pages2M*512 + l.Pages4M*1024
		want := uint64(frames + 3)
		if mode >= image.FourLevel {
			want += textPages
		}
		if pages != want || a.DirectMap != s.direct || a.Tables[mode.Levels()] != 1 {
			t.Errorf("%v: %+v: %d pages, want %d; direct map %#x, tables %v", mode, l, pages, want, a.DirectMap, a.Tables)
		}
	}
}

// fault is a mistake that is planted into a clean machine.
type fault struct {
	rule  string
	name  string
	modes []image.Mode // nil for all
	plant func(s *small) (at uint64)
}

// faults are mistakes that break one rule each.
func faults() []fault {
	nx := []image.Mode{image.PAE, image.FourLevel, image.FiveLevel}
	long := []image.Mode{image.FourLevel, image.FiveLevel}
	const rw = imagetest.Writable
	page := func(f uint64) uint64 { return f << image.PageShift }
	return []fault{
		{"image-w-xor-x", "writable text", nx, func(s *small) uint64 {
			s.Map(s.spare, page(spare), 1, rw)
			return s.spare
		}},
		{"image-w-xor-x", "a large page", nx, func(s *small) uint64 {
			va := s.direct + 4<<20
			s.Map(va, 4<<20, 2, rw)
			return va
		}},
		{"image-alias-exec", "the alias in the direct map", long, func(s *small) uint64 {
			s.Map(s.direct+page(textFrame+1), page(textFrame+1), 1, rw|imagetest.NX)
			return s.image + page(textFrame+1)
		}},
		{"image-alias-exec", "a new alias", nx, func(s *small) uint64 {
			s.Map(s.spare, page(textFrame), 1, rw|imagetest.NX)
			return s.image + page(textFrame)
		}},
		{"image-user-no-exec", "no NX in user memory", nx, func(s *small) uint64 {
			s.Map(userData, page(dataFrame), 1, imagetest.User|rw)
			return userData
		}},
		{"image-kernel-hidden", "a page of the direct map", nil, func(s *small) uint64 {
			s.Map(s.direct+page(spare), page(spare), 1, imagetest.User|rw|s.nx())
			return s.direct + page(spare)
		}},
		{"image-tables-guarded", "a program maps a table", nil, func(s *small) uint64 {
			s.Map(userData+page(1), s.Root&^0xfff, 1, imagetest.User|rw|s.nx())
			return userData + page(1)
		}},
		{"image-one-level", "a root that maps itself", nil, func(s *small) uint64 {
			slot := s.Mode.Slots(s.Mode.Levels()) - 2
			flags := uint64(imagetest.Present | rw)
			if s.Mode == image.PAE {
				slot, flags = 2, imagetest.Present
			}
			s.Set(s.Root, slot, s.Root|flags)
			return canonical(s.Mode, uint64(slot)<<s.Mode.Shift(s.Mode.Levels()))
		}},
		{"image-in-memory", "a pointer beyond memory", nil, func(s *small) uint64 {
			va := s.vmalloc + 8<<20
			table, slot := s.Place(va, 2)
			s.Set(table, slot, page(frames+7)|imagetest.Present|rw)
			return va
		}},
		{"image-in-memory", "a cached page beyond memory", nil, func(s *small) uint64 {
			s.Map(s.spare, page(frames+7), 1, rw|s.nx())
			return s.spare
		}},
		{"image-entry-bits", "bits that PAE does not have", []image.Mode{image.PAE}, func(s *small) uint64 {
			s.Map(s.spare, page(spare), 1, 1<<53|imagetest.NX)
			return s.spare
		}},
		{"image-entry-bits", "a large page of level 4", long, func(s *small) uint64 {
			s.Set(s.Root, 100, page(spare)|imagetest.Present|imagetest.Large)
			return 100 << s.Mode.Shift(s.Mode.Levels())
		}},
		{"image-entry-bits", "a large page at no multiple of its size", nx, func(s *small) uint64 {
			s.Map(s.direct+8<<20, 8<<20|page(8), 2, rw|imagetest.NX)
			return s.direct + 8<<20
		}},
		{"image-alias-cache", "an uncached alias", nil, func(s *small) uint64 {
			s.Map(s.spare, page(spare), 1, rw|imagetest.Uncached|s.nx())
			return s.direct + page(spare)
		}},
		{"image-alias-cache", "a write-combining alias", nil, func(s *small) uint64 {
			s.Map(s.spare, page(spare), 1, rw|imagetest.Through|s.nx())
			return s.direct + page(spare)
		}},
	}
}

// TestFaults plants each mistake: the rule named beforehand is broken at the address
// named beforehand, and no other rule is.
func TestFaults(t *testing.T) {
	for _, f := range faults() {
		list := f.modes
		if list == nil {
			list = modes()
		}
		for _, mode := range list {
			s := newSmall(mode)
			at := f.plant(s)
			a := run(t, s.read(t), Options{})
			if b := a.broken(); !slices.Equal(b, []string{f.rule}) {
				t.Errorf("%s, %s, %v: broken %v", f.rule, f.name, mode, b)
				continue
			}
			v := a.verdict(f.rule)
			first := &v.Findings[0]
			if first.Start != at || len(first.Way) == 0 || first.Root != "CPU 0" || first.What == "" {
				t.Errorf("%s, %s, %v: %+v, want it at %#x", f.rule, f.name, mode, first, at)
			}
			checkWay(t, s, first)
		}
	}
}

// checkWay reads the entries of a way in memory.
func checkWay(t *testing.T, s *small, f *Finding) {
	t.Helper()
	for i, h := range f.Way {
		p := s.Frame(h.Table >> image.PageShift)
		w := &walker{p: &image.Paging{Mode: s.Mode}}
		if e := w.slot(p, h.Table, h.Slot); uint64(e) != h.Entry || h.Level != s.Mode.Levels()-i {
			t.Errorf("hop %d of %s: %+v, memory has %#x", i, f.What, h, uint64(e))
		}
	}
}

// TestEveryRuleIsBroken holds that no rule is without a planted mistake.
func TestEveryRuleIsBroken(t *testing.T) {
	planted := map[string]bool{}
	for _, f := range faults() {
		planted[f.rule] = true
	}
	for _, f := range xenFaults() {
		planted[f.rule] = true
	}
	for _, r := range Rules() {
		if !planted[r.ID] {
			t.Errorf("%s: no mistake is planted that breaks it", r.ID)
		}
		if r.Says == "" || r.Applies == "" || r.Source == "" || r.Limits == "" || (r.judge == nil) == (r.finish == nil) && r.ID != "image-user-no-exec" {
			t.Errorf("%s is not told whole", r.ID)
		}
	}
	if ids := RuleIDs(); len(ids) != len(Rules()) {
		t.Error(ids)
	}
}

// TestLegal holds that what correct kernels do breaks nothing.
func TestLegal(t *testing.T) {
	const rw = imagetest.Writable
	for name, plant := range map[string]func(s *small){
		"espfix: one table in 256 places": func(s *small) {
			va := uint64(0xffffff0000000000)
			s.Map(va, spare<<image.PageShift, 1, imagetest.NX)
			table, slot := s.Place(va, 2)
			e := word(s.Frame(table>>image.PageShift), slot)
			for i := range 255 {
				s.Set(table, slot+1+i, uint64(e))
			}
		},
		"vsyscall": func(s *small) { s.Map(vsyscall, spare<<image.PageShift, 1, imagetest.User|imagetest.NX) },
		"a program's own writable text": func(s *small) {
			s.Map(userData+image.PageSize, spare<<image.PageShift, 1, imagetest.User|rw)
		},
		"a write-through page of the ISA hole": func(s *small) {
			s.Map(s.spare, 0xb8000, 1, rw|imagetest.Uncached|imagetest.NX)
		},
		"a PAT alias of write-back": func(s *small) { s.Map(s.spare, spare<<image.PageShift, 1, rw|1<<7|imagetest.NX) },
		"weak uncached beside strong": func(s *small) {
			s.Map(s.vmalloc+9<<image.PageShift, device, 1, rw|imagetest.Uncached|imagetest.Through|imagetest.NX)
		},
	} {
		s := newSmall(image.FourLevel)
		plant(s)
		if b := run(t, s.read(t), Options{}).broken(); len(b) > 0 {
			t.Errorf("%s breaks %v", name, b)
		}
	}
}

// TestSharedTablesCount holds that a shared table is walked once and counted as often as
// it is reached, as QEMU's "info tlb" does, and that tables shared at every level end.
func TestSharedTablesCount(t *testing.T) {
	s := newSmall(image.FourLevel)
	before := run(t, s.read(t), Options{}).Leaves[0].total()
	va := uint64(0xffffff0000000000)
	s.Map(va, spare<<image.PageShift, 1, imagetest.NX)
	for level := 2; level <= 3; level++ {
		table, slot := s.Place(va, level)
		e := word(s.Frame(table>>image.PageShift), slot)
		for i := range 512 {
			s.Set(table, i, uint64(e))
		}
	}
	a := run(t, s.read(t), Options{})
	if n := a.Leaves[0].total() - before; n != 512*512 || len(a.broken()) > 0 {
		t.Errorf("%d leaves more, broken %v", n, a.broken())
	}
	if looked := a.verdict("image-w-xor-x").Looked; looked > 2*frames {
		t.Errorf("the shared page was looked at %d times", looked)
	}
}

// TestPTI finds the root of user mode beside a kernel root that isolates it.
func TestPTI(t *testing.T) {
	s := newSmall(image.FourLevel)
	s.Next++ // pairs of pages: the kernel's root is even
	users := s.Root + image.PageSize
	if s.Root>>image.PageShift%2 != 0 {
		t.Fatal("the root is odd")
	}
	// The frame behind the root is the first table; move it.
	moved := s.Next << image.PageShift
	*s.Frame(s.Next) = *s.Frame(users >> image.PageShift)
	s.Next++
	*s.Frame(users >> image.PageShift) = image.Page{}
	for slot := range 512 {
		if e := word(s.Frame(s.Root>>image.PageShift), slot); uint64(e&address) == users {
			s.Set(s.Root, slot, moved|uint64(e&^address))
		}
	}
	e := word(s.Frame(s.Root>>image.PageShift), 0)
	s.Set(users, 0, uint64(e))
	s.Set(s.Root, 0, uint64(e|noExecute))
	a := run(t, s.read(t), Options{})
	if len(a.Leaves) != 2 || a.Leaves[1].Root != "CPU 0 (PTI, user mode)" || a.Leaves[1].Pages4K != 2 || len(a.broken()) > 0 {
		t.Errorf("%+v, broken %v", a.Leaves, a.broken())
	}
	s.Map(userData, dataFrame<<image.PageShift, 1, imagetest.User|imagetest.Writable)
	if b := run(t, s.read(t), Options{}).broken(); !slices.Equal(b, []string{"image-user-no-exec"}) {
		t.Errorf("broken %v", b)
	}
}

// TestOutputs holds that text and JSON tell the same, and the same bytes each time.
func TestOutputs(t *testing.T) {
	s := newSmall(image.FourLevel)
	s.MapRange(s.spare, spare<<image.PageShift, 3, imagetest.Writable)
	symbols, err := image.ParseSymbols(strings.NewReader("ffffc90000000000 T area\n"))
	if err != nil {
		t.Fatal(err)
	}
	var last, lastJSON []byte
	for range 2 {
		a := run(t, s.read(t), Options{Symbols: symbols})
		var text, obj bytes.Buffer
		if err := a.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if err := a.WriteJSON(&obj); err != nil {
			t.Fatal(err)
		}
		if last != nil && (!bytes.Equal(last, text.Bytes()) || !bytes.Equal(lastJSON, obj.Bytes())) {
			t.Error("another time, other bytes")
		}
		last, lastJSON = text.Bytes(), obj.Bytes()
	}
	for _, want := range []string{"image-w-xor-x          BROKEN by 3 of", "0xffffc90000005000-0xffffc90000007fff (area+0x5000): writable and executable", "1 rule broken, 8 hold", "L1 0x"} {
		if !strings.Contains(string(last), want) {
			t.Errorf("no %q in\n%s", want, last)
		}
	}
	var j jsonAudit
	if err := json.Unmarshal(lastJSON, &j); err != nil || j.Clean || j.Mode != "4-level" || len(j.Rules) != len(Rules()) {
		t.Errorf("%v, %+v", err, j)
	}
	f := j.Rules[0].Findings[0]
	if j.Rules[0].Broken != 3 || f.Start != "0xffffc90000005000" || f.Size != 3<<image.PageShift || f.Symbol != "area+0x5000" || len(f.Way) != 4 {
		t.Errorf("%+v", j.Rules[0])
	}
}

// TestManyFindings holds that findings are counted whole and kept in part.
func TestManyFindings(t *testing.T) {
	s := newSmall(image.FourLevel)
	for i := range uint64(100) {
		s.Map(s.spare+i*2<<image.PageShift, spare<<image.PageShift, 1, imagetest.Writable)
	}
	v := run(t, s.read(t), Options{}).verdict("image-w-xor-x")
	if v.Broken != 100 || len(v.Findings) != mostFindings {
		t.Errorf("%d broken, %d kept", v.Broken, len(v.Findings))
	}
}

// TestNoTables holds that what is no page table is refused in a line.
func TestNoTables(t *testing.T) {
	for name, x := range map[string]struct {
		cr3  uint64
		want string
	}{
		"zeros":   {spare << image.PageShift, "map nothing"},
		"nowhere": {frames << image.PageShift, "no memory"},
	} {
		s := newSmall(image.FourLevel)
		_, err := Run(s.read(t), Options{CR3: x.cr3})
		if err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
