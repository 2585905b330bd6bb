package xenlab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func listenTo(text string) *console {
	c := &console{clock: func() time.Duration { return 0 }}
	c.listen(strings.NewReader(text))
	return c
}

func TestConsole(t *testing.T) {
	c := listenTo("SeaBIOS (version 1)\r\n(XEN) Xen version 4.17\r\nHELLO ptexec 4 levels\r\n" +
		"R 1 reset = 0\r\n(XEN) a message\r\nR 2 mus f0 0 f1:PW = done=1 -16\r\nR 3 r s0 0 = -5\r\n" +
		"T a title -22\r\nR 4 w s0 0 0 = fault:14:0x3\r\nEND\r\nTOTAL 130\r\n(XEN) Hardware Dom0 shutdown: rebooting machine\r\n")
	want := "HELLO ptexec 4 levels\nR 1 reset = 0\nR 2 mus f0 0 f1:PW = done=1 -EBUSY\nR 3 r s0 0 = -5\n" +
		"T a title -22\nR 4 w s0 0 0 = fault:14:0x3\nEND\n"
	if got := string(c.rec.Bytes()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if !c.ended || c.failure != nil || c.oops != nil {
		t.Errorf("ended %v, failure %v, error %v", c.ended, c.failure, c.oops)
	}
	if n := len(c.rec.Answers()); n != 5 {
		t.Errorf("%d answers, want 5", n)
	}
	if len(c.rec.Xen) != 3 {
		t.Errorf("%d messages of Xen, want 3", len(c.rec.Xen))
	}
}

func TestConsoleFailures(t *testing.T) {
	tests := []struct {
		name, text string
		want       Failure
	}{
		{"the guest gives up", "HELLO guest\nR 1 reset = 0\nFATAL out of frames\n",
			Failure{GuestDied, "FATAL out of frames", ""}},
		{"Xen stops the guest", "HELLO guest\nR 1 reset = 0\n(XEN) domain_crash_sync called from entry.S\n" +
			"(XEN) Domain 0 (vcpu#0) crashed on cpu#0:\n(XEN) Hardware Dom0 crashed: rebooting machine in 5 seconds.\n",
			Failure{GuestDied, "domain_crash_sync called from entry.S", ""}},
		{"Xen panics", "HELLO guest\nR 1 reset = 0\n(XEN) ****\n(XEN) Panic on CPU 0:\n(XEN) Xen BUG at mm.c:1\n(XEN) ***\n",
			Failure{XenCrashed, "Xen BUG at mm.c:1", ""}},
	}
	c := listenTo("HELLO guest\nR 1 reset = 0\nEND\nTOTAL 32\n")
	if want := (Failure{Garbled, "30 of 32 characters arrived", ""}); c.failure == nil || *c.failure != want {
		t.Errorf("lost output: %v, want %v", c.failure, &want)
	}
	for _, test := range tests {
		c := listenTo(test.text)
		if c.failure == nil || *c.failure != test.want {
			t.Errorf("%s: %v, want %v", test.name, c.failure, &test.want)
		}
		if c.ended || c.rec.last() != "R 1 reset = 0" {
			t.Errorf("%s: ended %v, last line %q", test.name, c.ended, c.rec.last())
		}
	}
}

func TestFailureText(t *testing.T) {
	err := error(&Failure{XenCrashed, "Xen BUG at mm.c:1", "R 7 types = 0"})
	want := `oracle: run: Xen crashed: Xen BUG at mm.c:1 (the last answer was "R 7 types = 0")`
	if err.Error() != want {
		t.Errorf("got %s\nwant %s", err, want)
	}
}

// TestMissing takes everything away, and wants to be told all of it at once.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv(XenEnv, "")
	_, err := FindXen(t.Context())
	var missing *MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("got %v, want a *MissingError", err)
	}
	if len(missing.Items) != 3 {
		t.Errorf("%d things are missing, want 3: %v", len(missing.Items), err)
	}
	for _, want := range []string{"apt-get install qemu-system-x86", "apt-get install gcc", XenEnv, xenPackage} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %q", want, err)
		}
	}
}

func TestXenEnv(t *testing.T) {
	dir := t.TempDir()
	elf, text := filepath.Join(dir, "xen"), filepath.Join(dir, "text")
	for path, data := range map[string]string{elf: "\x7fELF...", text: "hello"} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(XenEnv, elf)
	if got, err := findImage(t.Context(), dir); got != elf || err != nil {
		t.Errorf("an ELF file: got %q, %v", got, err)
	}
	for _, bad := range []string{text, filepath.Join(dir, "nothing")} {
		t.Setenv(XenEnv, bad)
		if got, err := findImage(t.Context(), dir); err == nil {
			t.Errorf("%s: got %q, want an error", bad, got)
		}
	}
}
