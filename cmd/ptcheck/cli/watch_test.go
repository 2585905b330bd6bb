package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// standIn makes a script the QEMU that is found; it behaves as it is told. The kernel is
// this test's own program: an ELF file for amd64.
func standIn(t *testing.T, how string) (kernel string) {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the stand-in for QEMU is for Linux on amd64")
	}
	script, err := filepath.Abs("../../../traces/kernel/recorder/testdata/qemu.sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PTCHECK_QEMU", script)
	t.Setenv("FAKE", how)
	t.Setenv("FAKE_PIDS", filepath.Join(t.TempDir(), "pids"))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if kernel, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	return kernel
}

func TestWatch(t *testing.T) {
	kernel := standIn(t, "")
	file := filepath.Join(t.TempDir(), "x.rec.gz")
	code, out, errs := ptcheck(t, "watch", "--record", file, "--smp", "2", kernel)
	if strings.Contains(errs, "no C compiler") {
		t.Skip(errs)
	}
	if code != exitHolds || !strings.HasPrefix(out, "boot: the machine was restarted\nx.rec.gz: holds: ") {
		t.Errorf("exit %d:\n%s%s", code, out, errs)
	}
	if code, again, errs := ptcheck(t, "judge", file); code != exitHolds || !strings.HasSuffix(out, again) {
		t.Errorf("judge: exit %d:\n%s%s", code, again, errs)
	}
	code, out, _ = ptcheck(t, "watch", "--format", "json", kernel)
	if code != exitHolds || !strings.HasPrefix(out, "{") {
		t.Errorf("exit %d, %.100s", code, out)
	}
	t.Setenv("FAKE", "panics")
	if code, out, _ := ptcheck(t, "watch", kernel); code != exitStopped || !strings.HasPrefix(out, "boot: Kernel panic") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	t.Setenv("FAKE", "fails")
	if code, _, errs := ptcheck(t, "watch", kernel); code != exitUsage || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d: %q", code, errs)
	}
}

func TestWatchBadInput(t *testing.T) {
	kernel := standIn(t, "")
	for _, args := range [][]string{
		{}, {kernel, kernel}, {"--memory", "much", kernel}, {"--memory", "8M", kernel}, {"--memory", "99999999999999G", kernel},
		{"--memory", "16777217", kernel}, {"--smp", "0", kernel}, {"--smp", "17", kernel}, {"--cpu", "a b", kernel},
		{"--timeout", "0s", kernel}, {"--record", "/dev/null/x", kernel}, {"--format", "nothing", kernel}, {"/nonexistent"}, {"/"},
		{"testdata"}, {"--xen", "/nonexistent", kernel},
	} {
		code, _, errs := ptcheck(t, append([]string{"watch"}, args...)...)
		if strings.Contains(errs, "no C compiler") {
			t.Skip(errs)
		}
		if code != exitUsage || errs == "" || strings.Count(errs, "\n") > 2 {
			t.Errorf("%q: exit %d, %q", args, code, errs)
		}
	}
}
