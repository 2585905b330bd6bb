package recorder

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func needCompiler(t *testing.T) string {
	t.Helper()
	cc, err := compiler()
	if err != nil {
		t.Skipf("the plugin is not compiled: %v", err)
	}
	return cc
}

// TestPluginCompiles compiles the plugin for each API without warnings.
func TestPluginCompiles(t *testing.T) {
	needCompiler(t)
	for _, api := range []int{1, 4} {
		if err := compile(t.Context(), api, filepath.Join(t.TempDir(), "p.so"), "-Werror"); err != nil {
			t.Errorf("API %d: %v", api, err)
		}
	}
}

// TestDecode compiles and runs the test of what instructions mean, with the sanitizers if
// there are any.
func TestDecode(t *testing.T) {
	cc := needCompiler(t)
	bin := filepath.Join(t.TempDir(), "decode")
	args := []string{"-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I", sourceDir, "-o", bin, "testdata/decode_test.c", filepath.Join(sourceDir, "decode.c")}
	if exec.Command(cc, append([]string{"-fsanitize=address,undefined"}, args...)...).Run() != nil {
		if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if out, err := exec.Command(bin).CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

func TestBuildKeeps(t *testing.T) {
	needCompiler(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	first, err := Build(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CC", "/bin/false") // it must not be compiled again
	again, err := Build(t.Context(), 1)
	if err != nil || again != first {
		t.Errorf("%s, %v; want %s again", again, err, first)
	}
	if other, err := Build(t.Context(), 4); err == nil {
		t.Errorf("API 4 is the plugin of API 1: %s", other)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(first), "build-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBuildSaysWhatIsMissing(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("CC", "no-such-compiler")
	_, err := Build(t.Context(), 1)
	var missing *MissingError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "apt-get install gcc") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	t.Setenv("CC", "")
	if _, err := Build(ctx, 1); err == nil {
		t.Error("no error although it was interrupted")
	}
}

func TestVersion(t *testing.T) {
	for _, x := range []struct {
		said, version string
		api           int
	}{
		{"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright", "7.2.22", 1},
		{"QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\n", "10.0.2", 4},
		{"QEMU emulator version 9.2.0\n", "9.2.0", 4},
		{"QEMU emulator version 8.1.5\n", "8.1.5", 1},
		{"QEMU emulator version 9.0.1\n", "", 0},
		{"QEMU emulator version 5.2.0\n", "", 0},
		{"hello\n", "", 0},
	} {
		v, api, err := version(x.said)
		if v != x.version || api != x.api || (err != nil) != (x.api == 0) {
			t.Errorf("%q: %s, API %d, %v", x.said, v, api, err)
		}
	}
}

func TestFindQEMUSaysHow(t *testing.T) {
	t.Setenv(QEMUEnv, filepath.Join(t.TempDir(), "none"))
	if _, err := FindQEMU(t.Context()); err == nil || !strings.Contains(err.Error(), "apt-get install qemu-system-x86") {
		t.Errorf("%v", err)
	}
}
