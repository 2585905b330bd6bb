package chooks

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
)

// compiled compiles the text of a C file, which is called /mine/a.c.
func compiled(t *testing.T, text string) *Program {
	t.Helper()
	p, err := build(fstest.MapFS{"a.c": {Data: []byte("#include \"ptcheck.h\"\n" + text)}}, "/mine")
	if errors.Is(err, ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kernelOf is a kernel with native's hooks, with those of a table laid over them, on a bare
// PAE machine.
func kernelOf(t *testing.T, p *Program, table string) *hooks.Kernel {
	t.Helper()
	c := native.Config{Geo: model.PAE(), Boot: model.I386(), PG0: 0x500, MapBeyondEnd: 0x82_8000}
	c.Kernel = model.KernelMap{PageOffset: 0xc000_0000, MaxLowPFN: 0x2000, Root: 0x4f0, ZeroPage: 0x4f1, NX: true}
	s, err := native.StartOfDay(c)
	if err != nil {
		t.Fatal(err)
	}
	o, err := p.Lay(table, native.Ops())
	if err != nil {
		t.Fatal(err)
	}
	m := model.NewMachine(s)
	m.RecordSites = true
	return hooks.New(m, &o)
}

// TestRemembers wants a call that is known to be replayed without a process, and one that
// gets another answer to be made from the beginning.
func TestRemembers(t *testing.T) {
	p := compiled(t, `
static void set(pte_t *ptep, pte_t pte)
{
	if (pte_read(ptep).pte == 7)
		pte.pte += 1;
	pte_write(ptep, pte);
}
static const struct pv_hooks h = { .name = "h", .set_pte = set };
PTCHECK_BACKEND(h)`)
	k := kernelOf(t, p, "h")
	at := k.M.L.VA(0x60_0000)
	for _, x := range []struct{ was, want model.Entry }{{0, 4}, {7, 5}, {0, 4}, {7, 5}} {
		var got model.Entry
		if died := k.M.Run(func() {
			k.Write(at, x.was)
			k.PV.SetPTE[model.VariantLate](k, at, 4)
			got = k.Read(at)
		}); died != nil || got != x.want {
			t.Errorf("over %#x: %#x, %v; want %#x", x.was, got, died, x.want)
		}
	}
	f := &fleet{program: p, table: "h"}
	r := newRunner(f, nil)
	set := key{hook: indexOf(t, "set_pte"), a: uint64(at), b: 4}
	run := func() {
		if died := k.M.Run(func() { k.Write(at, 0); r.run(k, set); k.Write(at, 7); r.run(k, set) }); died != nil {
			t.Fatal(died)
		}
	}
	run()
	if r.p == nil || r.nodes == 0 {
		t.Fatal("no process was asked")
	}
	if err := r.p.cmd.Process.Signal(os.Interrupt); err != nil { // as a terminal does to all
		t.Fatal(err)
	}
	r.known = map[key]*node{}
	run()
	r.p.kill()
	r.p = nil
	run()
	if r.p != nil {
		t.Error("a call that is known starts a process")
	}
}

func indexOf(t *testing.T, name string) int {
	t.Helper()
	for i, h := range hookTable() {
		if h.name == name {
			return i
		}
	}
	t.Fatal("no hook ", name)
	return 0
}

// TestFickle wants C code that looks at a clock to be told of.
func TestFickle(t *testing.T) {
	p := compiled(t, `
#include <time.h>
static void set(pte_t *ptep, pte_t pte)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	pte_write(ptep, ((pte_t){ (uint64_t)now.tv_nsec << 12 }));
	pte_read(pt_slot(ptep, 1));
}
static const struct pv_hooks h = { .name = "h", .set_pte = set };
PTCHECK_BACKEND(h)`)
	k := kernelOf(t, p, "h")
	at := k.M.L.VA(0x60_0000)
	died := k.M.Run(func() {
		for i := range model.Entry(3) {
			k.Write(k.Slot(at, 1), i)
			k.PV.SetPTE[model.VariantLate](k, at, 4)
		}
	})
	if died == nil || died.Kind != model.CrashC || !strings.Contains(died.Where, "two different things") {
		t.Errorf("%v", died)
	}
}

// TestDeathInside wants the process to be of use after the machine has ended a hook in the
// middle of it, and a hook that calls another one to name both.
func TestDeathInside(t *testing.T) {
	p := compiled(t, `
static void inner(pte_t *ptep, pte_t pte) { pte_write(ptep, pte); }
static void outer(pmd_t *pmdp, pmd_t pmd)
{
	set_pte((pte_t *)pmdp, ((pte_t){ pmd.pmd }));
}
static const struct pv_hooks h = { .name = "h", .set_pte = inner, .set_pmd = outer };
PTCHECK_BACKEND(h)`)
	k := kernelOf(t, p, "h")
	for range 2 {
		died := k.M.Run(func() { k.PV.SetPMD(k, 0x8000_0000, 4) })
		if died == nil || died.Kind != model.CrashFault || len(died.Places) != 2 {
			t.Fatalf("%v %v", died, died)
		}
		in, out := died.Places[1][0], died.Places[0][0]
		if in != (model.Place{Function: "inner", File: "/mine/a.c", Line: 3}) || out != (model.Place{Function: "outer", File: "/mine/a.c", Line: 6}) {
			t.Errorf("%v from %v", in, out)
		}
		at := k.M.L.VA(0x60_0000)
		if died := k.M.Run(func() { k.PV.SetPMD(k, at, 4) }); died != nil || len(k.M.Places()) != 0 {
			t.Errorf("%v", died)
		}
	}
}

// TestNothingHarms wants accesses that no machine has to be deaths, not faults of the
// checker, and a signal, after which the process is another one.
func TestNothingHarms(t *testing.T) {
	for body, want := range map[string]string{
		"pt_load(1, 4);":                             "c-crash an access that is not 4 or 8 aligned bytes",
		"pt_store(0xc0000000, 3, 1);":                "c-crash an access that is not 4 or 8 aligned bytes",
		"pt_slots(0);":                               "c-crash a level of tables that there is not",
		"pt_table_of(9, swapper_pg_dir);":            "c-crash a level of tables that there is not",
		"pv_use_set_pte(7);":                         "c-crash a variant of a hook that there is not",
		"init_mm_pgd_is(1ULL << 40);":                "c-crash a frame that is none of the guest's",
		"paravirt_alloc_pd(1ULL << 40);":             "c-crash a frame that is none of the guest's",
		"pv_announce(1ULL << 50, 8);":                "c-crash an address that is none of the guest's memory",
		"load_cr3(1ULL << 50); pt_read(0xc0000000);": "fault read c0000000",
		"xen_pin_table(2, 1);":                       "bug null call of hypercall_page",
		"HYPERVISOR_mmu_update(~0ULL, 1);":           "bug null call of hypercall_page",
		"pfn_to_mfn(1ULL << 60); mfn_to_pfn(~0ULL);": "",
		"panic(\"no more\");":                        "panic no more",
		"BUG_ON(1);":                                 "bug f BUG",
		"BUG_RC(-22);":                               "bug f BUG (hypercall answered -EINVAL)",
		"pv_use_set_pte(PV_NONE); set_pte((pte_t *)0, ((pte_t){ 0 }));": "bug null call of set_pte",
		"*(volatile int *)0 = 1;":          "c-crash SIGSEGV: it followed NULL, or an address that no process has",
		"*(volatile int *)0xc0001000 = 1;": "c-crash SIGSEGV: it followed 0xc0001000; addresses of the machine are reached through accessors",
	} {
		k := kernelOf(t, compiled(t, "static void f(void) { "+body+" }\nstatic const struct pv_hooks h = { .name = \"h\", .flush_tlb = f };\nPTCHECK_BACKEND(h)"), "h")
		for range 2 {
			got := ""
			if died := k.M.Run(func() { k.PV.FlushTLB(k) }); died != nil {
				got = died.Error()
			}
			if got != want {
				t.Errorf("%s: %q, want %q", body, got, want)
			}
		}
	}
}

// TestVariants wants what a table says besides its hooks to be taken over.
func TestVariants(t *testing.T) {
	p := compiled(t, `
static const struct pv_hooks a = { .name = "a", .shared_kernel_pmd = PV_NO, .boot_variants = PV_YES, .boot_alloc_pt = PV_INIT };
PTCHECK_BACKEND(a)
static const struct pv_hooks b = { .name = "b" };
PTCHECK_BACKEND(b)
static const struct pv_hooks c = { .name = "c", .boot_variants = PV_YES, .boot_set_pte = 9 };
PTCHECK_BACKEND(c)`)
	a, err := p.Lay("a", native.Ops())
	if err != nil || a.SharedKernelPMD || a.BootSetPTE != model.VariantNone || a.BootAllocPT != model.VariantInit || a.Name != "a" {
		t.Errorf("%+v, %v", a, err)
	}
	b, err := p.Lay("b", native.Ops())
	if err != nil || !b.SharedKernelPMD || b.BootSetPTE != model.VariantLate {
		t.Errorf("%+v, %v", b, err)
	}
	for _, bad := range []string{"c", "none", ""} {
		if _, err := p.Lay(bad, native.Ops()); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("table %q: %v", bad, err)
		}
	}
}

// TestRefused wants one line for code that is none.
func TestRefused(t *testing.T) {
	if _, err := compiler(); err != nil {
		t.Skip(err)
	}
	for text, want := range map[string]string{
		"int f(void) { return nothing; }":                                         "/mine/a.c:1:",
		"void g(void); __attribute__((constructor)) static void f(void) { g(); }": "undefined reference to `g'",
	} {
		_, err := build(fstest.MapFS{"a.c": {Data: []byte(text)}}, "/mine")
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := build(fstest.MapFS{"a.h": {}}, "/mine"); err == nil || !strings.Contains(err.Error(), "no C file in /mine") {
		t.Error(err)
	}
	t.Setenv("CC", "no-such-compiler")
	if _, err := build(fstest.MapFS{"a.c": {}}, "/mine"); !errors.Is(err, ErrNoCompiler) {
		t.Error(err)
	}
}

// TestHeader wants ptcheck.h to know each accessor and no other, and each hook that can be
// written in C.
func TestHeader(t *testing.T) {
	text, err := os.ReadFile("kit/ptcheck.h")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`ptcheck_(\w+)\(PTCHECK_HERE`).FindAllStringSubmatch(string(text), -1) {
		used[m[1]] = true
	}
	for _, a := range accessors() {
		if !used[a.name] {
			t.Errorf("accessor %s has no name in ptcheck.h", a.name)
		}
		delete(used, a.name)
	}
	for name := range used {
		t.Errorf("ptcheck.h uses accessor %s, which there is not", name)
	}
	fields := map[string]bool{}
	for _, m := range regexp.MustCompile(`\t\w+ \(\*(\w+)\)\(`).FindAllStringSubmatch(string(text), -1) {
		fields[m[1]] = true
	}
	for _, h := range hookTable() {
		if !fields[h.name] {
			t.Errorf("struct pv_hooks has no %s", h.name)
		}
		delete(fields, h.name)
	}
	for name := range fields {
		t.Errorf("struct pv_hooks has %s, which is never called", name)
	}
}
