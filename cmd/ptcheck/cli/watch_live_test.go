package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/traces/kernel/controls"
	"github.com/ptcheck/ptcheck/traces/kernel/symbols"
)

// These tests boot real kernels in QEMU. .ci/watch gets the kernels and sets the variables.
const (
	envKernel   = "PTCHECK_KERNEL"     // an amd64 kernel
	envKernel32 = "PTCHECK_KERNEL_PAE" // an i386 kernel with PAE, for its controls
	envXen      = "PTCHECK_XEN_IMAGE"  // a Xen
)

// fromEnv is the path in a variable. Without it the test is skipped.
func fromEnv(t *testing.T, name string) string {
	t.Helper()
	path := os.Getenv(name)
	if path == "" {
		t.Skipf("SKIPPED, NOTHING IS TESTED: %s is not set; .ci/watch boots real kernels", name)
	}
	return path
}

// TestWatchLive boots a kernel twice: its rules hold, nothing was missed, and the two
// recordings are the same.
func TestWatchLive(t *testing.T) {
	kernel := fromEnv(t, envKernel)
	dir := t.TempDir()
	var files [2][]byte
	for i, name := range []string{"a", "b"} {
		file := filepath.Join(dir, name)
		code, out, errs := ptcheck(t, "watch", "--record", file, kernel)
		if code != exitHolds || !strings.Contains(out, ": holds: ") || !strings.Contains(out, "against memory: 0 differences") {
			t.Fatalf("exit %d:\n%s%s", code, out, errs)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = b
		_, again, _ := ptcheck(t, "judge", file)
		if _, verdict, _ := strings.Cut(out, "\n"); again != verdict {
			t.Errorf("judge says\n%swatch said\n%s", again, verdict)
		}
	}
	if string(files[0]) != string(files[1]) {
		t.Errorf("two recordings of one machine differ: %d and %d bytes", len(files[0]), len(files[1]))
	}
}

// TestWatchXenLive boots the kernel as dom0.
func TestWatchXenLive(t *testing.T) {
	kernel, xen := fromEnv(t, envKernel), fromEnv(t, envXen)
	code, out, errs := ptcheck(t, "watch", "--xen", xen, kernel)
	if code != exitHolds || !strings.Contains(out, "against memory: 0 differences") {
		t.Errorf("exit %d:\n%s%s", code, out, errs)
	}
}

// TestControlsLive boots kernels that were broken on purpose: each must be found.
func TestControlsLive(t *testing.T) {
	for bits, env := range map[int]string{64: envKernel, 32: envKernel32} {
		t.Run(env, func(t *testing.T) {
			img := openImage(t, fromEnv(t, env))
			for _, c := range controls.List() {
				if c.Bits == bits {
					t.Run(c.Name, func(t *testing.T) { control(t, img, &c) })
				}
			}
		})
	}
}

func openImage(t *testing.T, path string) *symbols.Image {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := symbols.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// control boots one broken kernel: the uncompressed file, which QEMU boots as well.
func control(t *testing.T, img *symbols.Image, c *controls.Control) {
	patched, err := c.Apply(img)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), c.Name)
	if err := os.WriteFile(file, patched, 0o600); err != nil {
		t.Fatal(err)
	}
	cpu := c.CPU
	if cpu == "" {
		cpu = "qemu64"
	}
	code, out, errs := ptcheck(t, "watch", "--cpu", cpu, "--append", c.Append, file)
	_, finding, found := strings.Cut(out, "\nviolated: "+c.Rule+"\n")
	if code != exitViolated || !found || !strings.Contains(finding, c.Where) {
		t.Errorf("exit %d, want %s broken in %q: without %s\n%s%s", code, c.Rule, c.Where, c.What, out, errs)
	}
}
