package unicorn

import (
	"os"
	"strings"
	"testing"
)

// TestVersions: versions before 2.1 are refused with the reason, whatever else they have.
func TestVersions(t *testing.T) {
	for _, x := range []struct {
		major, minor int
		ok           bool
	}{{1, 0, false}, {2, 0, false}, {2, 1, true}, {2, 2, true}, {3, 0, false}} {
		l := &Library{path: "libunicorn.so", major: x.major, minor: x.minor}
		err := l.suitable()
		if (err == nil) != x.ok {
			t.Errorf("%s: %v", l.Version(), err)
		}
		if err != nil && !strings.Contains(err.Error(), l.Version()) {
			t.Errorf("%s is refused without its version: %v", l.Version(), err)
		}
	}
}

// TestNoLibrary: what is no library is refused in one line.
func TestNoLibrary(t *testing.T) {
	text := t.TempDir() + "/text.so"
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"/nowhere/libunicorn.so": "cannot be loaded", text: "cannot be loaded", "libc.so.6": "is no libunicorn",
	} {
		_, err := Load(name)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", name, err, want)
		}
	}
}
