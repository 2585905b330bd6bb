package recorder

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// TestMain gives the tests a cache of their own: the plugin is compiled once.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "recorder-test-*")
	if err == nil {
		err = os.Setenv("XDG_CACHE_HOME", dir)
	}
	if err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// fake makes testdata/qemu.sh the QEMU that is found. It returns the file in which the
// programs that were started note their numbers.
func fake(t *testing.T, how string) (pids string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the stand-in for QEMU is for Linux")
	}
	needCompiler(t)
	path, err := filepath.Abs("testdata/qemu.sh")
	if err != nil {
		t.Fatal(err)
	}
	pids = filepath.Join(t.TempDir(), "pids")
	t.Setenv(QEMUEnv, path)
	t.Setenv("FAKE", how)
	t.Setenv("FAKE_PIDS", pids)
	t.Setenv("TMPDIR", t.TempDir())
	return pids
}

// elfKernel is the path of a file that passes for a kernel: this test's own program, which
// is an ELF file for the machine that it runs on.
func elfKernel(t *testing.T) string {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the test's own program passes for a kernel on amd64 only")
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// noneLeft holds that the programs have ended and temporary folders are gone.
func noneLeft(t *testing.T, pids string) {
	t.Helper()
	b, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for word := range strings.FieldsSeq(string(b)) {
		if _, err := os.Stat("/proc/" + word); err == nil {
			t.Errorf("process %s is still there", word)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "ptcheck-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func machine(t *testing.T) Machine {
	return Machine{Kernel: elfKernel(t), Memory: 256 * MiB, SMP: 1}
}

func TestRecord(t *testing.T) {
	pids := fake(t, "")
	to := filepath.Join(t.TempDir(), "x.rec.gz")
	var phases []string
	boot, err := Record(t.Context(), machine(t), to, Options{Phase: func(s string) { phases = append(phases, s) }})
	if err != nil {
		t.Fatal(err)
	}
	noneLeft(t, pids)
	if boot.Ended != Restarted || len(phases) != 3 {
		t.Errorf("ended %q, phases %q", boot.Ended, phases)
	}
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	r, err := kernel.NewReader(to, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for e := (kernel.Event{}); ; n++ {
		if err = r.Next(&e); err != nil {
			break
		}
	}
	if !errors.Is(err, io.EOF) || n != 4 {
		t.Errorf("%d events, %v", n, err)
	}
	for key, want := range map[string]string{kernel.KeyPasses: "2", kernel.KeyArch: "amd64", kernel.KeyBugs: "spectre_v1", kernel.KeyPhysBits: "40",
		kernel.KeyQEMU: "7.2.22", kernel.KeyCPU: "qemu64", "outcome": Restarted} {
		if got := r.Header.Value(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if len(r.Header.E820) != 3 || r.Header.E820[2] != (kernel.Range{Start: 0x100000, End: 0x10000000, Kind: kernel.Usable}) {
		t.Errorf("memory map %v", r.Header.E820)
	}
	again := to + ".2"
	if _, err := Record(t.Context(), machine(t), again, Options{}); err != nil {
		t.Fatal(err)
	}
	if c, err := os.ReadFile(again); err != nil || !bytes.Equal(b, c) {
		t.Errorf("a second recording differs: %d and %d bytes, %v", len(b), len(c), err)
	}
}

func TestRecordOnePass(t *testing.T) {
	pids := fake(t, "")
	m := machine(t)
	m.SMP = 2
	to := filepath.Join(t.TempDir(), "x")
	if _, err := Record(t.Context(), m, to, Options{}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(pids); err != nil || len(strings.Fields(string(b))) != 1 {
		t.Errorf("boots %q, %v: several processors are recorded in one boot", b, err)
	}
}

func TestPanicIsSaid(t *testing.T) {
	fake(t, "panics")
	boot, err := Record(t.Context(), machine(t), filepath.Join(t.TempDir(), "x"), Options{})
	if err != nil || boot.Ended != "Kernel panic - not syncing: no reason" {
		t.Errorf("%+v, %v", boot, err)
	}
}

// TestBadBoots holds that what goes wrong is said in one line, and that nothing is left.
func TestBadBoots(t *testing.T) {
	for how, want := range map[string]string{
		"unexported": "does not export cpu_memory_rw_debug",
		"noplugins":  "was built without plugins",
		"fails":      "could not load kernel",
		"dies":       "without finishing the recording",
		"silent":     "has not shown the machine's memory map",
	} {
		t.Run(how, func(t *testing.T) {
			pids := fake(t, how)
			dir := t.TempDir()
			_, err := Record(t.Context(), machine(t), filepath.Join(dir, "x"), Options{})
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q", err, want)
			}
			noneLeft(t, pids)
			if files, _ := os.ReadDir(dir); len(files) > 0 {
				t.Errorf("left behind: %v", files)
			}
		})
	}
}

func TestInterruptEndsQEMU(t *testing.T) {
	pids := fake(t, "hang")
	m, to := machine(t), filepath.Join(t.TempDir(), "x")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(pids); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, err := Record(ctx, m, to, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	noneLeft(t, pids)
	if _, err := os.Stat(to); err == nil {
		t.Error("a recording was written")
	}
}

// TestTimeIsUp ends a boot that hangs; the stand-in does not finish its recording then.
func TestTimeIsUp(t *testing.T) {
	pids := fake(t, "hang")
	start := time.Now()
	_, err := Record(t.Context(), machine(t), filepath.Join(t.TempDir(), "x"), Options{Timeout: 300 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "without finishing") || time.Since(start) > 30*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	noneLeft(t, pids)
}

func TestMissingFiles(t *testing.T) {
	fake(t, "")
	m := machine(t)
	for _, change := range []func(*Machine){
		func(m *Machine) { m.Kernel = "/nonexistent/kernel" },
		func(m *Machine) { m.Kernel = "/" },
		func(m *Machine) { m.Kernel = "testdata/qemu.sh" },
		func(m *Machine) { m.Initrd = "/nonexistent/initrd" },
		func(m *Machine) { m.Xen = "/nonexistent/xen" },
	} {
		bad := m
		change(&bad)
		if _, err := Record(t.Context(), bad, filepath.Join(t.TempDir(), "x"), Options{}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
