package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const casesDir = "../../../testdata/cases"

// TestCases replays small inputs that were got wrong once.
func TestCases(t *testing.T) {
	for _, x := range []struct {
		file string
		args string // flags
		exit int
		want string // what must be printed
	}{
		{"unpin-interrupted.pt", "", exitHolds, "R 10 unpin-part f2 1 = 0\nR 11 finish = 0"},
		{"unpin-interrupted-empty-slot.pt", "", exitHolds, "R 9 unpin-part f2 1 = 0\nR 10 finish = 0"},
		{"pin-interrupted-empty-slot.pt", "", exitHolds, "R 8 pin-part 2 f2 1 = -ERESTART\nR 9 pin 2 f2 = 0"},
		{"io-guest.pt", "", exitHolds, "= -EPERM"},
		{"l1tf-guest.pt", "", exitHolds, "the guest has ended at line 5: an absent entry names memory (L1TF); nothing behind it was run"},
		{"l1tf-safe.pt", "", exitHolds, "mu f1 2 0x600000001000            = 0\nEND"},
		{"profile-silent.pt", "", exitViolated, "profile-silent.pt:4: want 77\n"},
		{"profile-silent.pt", "--profile=xen-3.1", exitViolated, "R 3 pin 1 f1                          = 0\nR 4 "},
		{"profile-silent.pt", "--profile=xen-3.1 --bits=32", exitViolated, "R 3 pin 1 f1                          = 0\nR 4 "},
		{"profile-silent.pt", "--profile=ideal --bits=32", exitViolated, "profile-silent.pt:4: want 77\n"},
		{"executor-gone.pt", "", exitViolated, "executor-gone.pt:5: want 0\n"},
		{"no-line-end.pt", "", exitViolated, "no-line-end.pt:2: want 77\n"},
		{"bits-header.pt", "", exitHolds, "= -EINVAL\nEND"},
	} {
		args := append([]string{"replay"}, strings.Fields(x.args)...)
		code, out, errs := ptcheck(t, append(args, filepath.Join(casesDir, x.file))...)
		if code != x.exit || !strings.Contains(out, x.want) || errs != "" {
			t.Errorf("%s %s: exit %d, want %d and %q\n%s%s", x.file, x.args, code, x.exit, x.want, out, errs)
		}
	}
}

// TestGuestByFlag replays cases without the line that says what guest they are for: the
// command line says it.
func TestGuestByFlag(t *testing.T) {
	for _, x := range []struct {
		file string
		args string
		exit int
		want string
	}{
		{"io-guest.pt", "", exitViolated, "s.pt:3: want -EPERM"},
		{"io-guest.pt", "--guest=dom0", exitViolated, "s.pt:3: want -EPERM"},
		{"io-guest.pt", "--guest=domU", exitHolds, "= -EPERM"},
		{"l1tf-guest.pt", "--guest=domU", exitHolds, "the guest has ended at line 4: an absent entry"},
		{"l1tf-guest.pt", "--guest=domU-nol1tf", exitHolds, "mu f1 1 f2:P = 0\nEND"},
	} {
		text, err := os.ReadFile(filepath.Join(casesDir, x.file))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "s.pt")
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), "guest domU\n", "", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := ptcheck(t, append(append([]string{"replay"}, strings.Fields(x.args)...), file)...)
		if code != x.exit || !strings.Contains(out, x.want) || errs != "" {
			t.Errorf("%s %s: exit %d, want %d and %q\n%s%s", x.file, x.args, code, x.exit, x.want, out, errs)
		}
	}
	code, _, errs := ptcheck(t, "replay", "--guest=dom0", filepath.Join(casesDir, "io-guest.pt"))
	if code != exitUsage || !strings.Contains(errs, "the script itself is for a domU") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestCasesAreAllTold wants every file of the folder to have a test.
func TestCasesAreAllTold(t *testing.T) {
	src, err := os.ReadFile("cases_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(casesDir, "*.pt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		if name := filepath.Base(f); !strings.Contains(string(src), `"`+name+`"`) {
			t.Errorf("%s has no test", name)
		}
	}
}

// TestGuestIsSaidOnce wants mistakes about the kind of guest told in one line.
func TestGuestIsSaidOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.pt")
	for _, x := range []struct{ text, args, want string }{
		{"guest domain\npin 1 f1\n", "replay", `s.pt:1:1: no guest is named "domain"; there are 32, 64, dom0`},
		{"pin 1 f1\nguest domU\n", "replay", "s.pt:2:1: guest comes after the first operation"},
		{"guest dom0\nguest domU\npin 1 f1\n", "replay", "s.pt:2:1: guest is there twice"},
		{"pin 1 f1\n", "replay --guest=x", `--guest: "x": want dom0, domU, domU-nol1tf`},
		{"system hyper\nshape 1 1\nscope frames 3\nunpin f0\n", "replay --guest=domU", "says itself what it runs on"},
		{"system hyper\nshape 1 1\nscope frames 3\nguest x\nunpin f0\n", "replay", `no kind of guest is named "x"`},
		{"system adversary\nguest x\n", "replay", `no kind of guest is named "x"`},
	} {
		if err := os.WriteFile(file, []byte(x.text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errs := ptcheck(t, append(strings.Fields(x.args), file)...)
		if code != exitUsage || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, x.want) {
			t.Errorf("%q: exit %d, %q; want %q", x.text, code, errs, x.want)
		}
	}
	for line, want := range map[string]string{
		"explore native --guest=domU":                "--guest means nothing to system native",
		"explore pvdp --guest=domU":                  "--guest means nothing to system pvdp",
		"explore adversary --guest=x":                `--guest: "x": want any, dom0, domU, domU-nol1tf`,
		"explore adversary --profile=xen-4.17-known": `"xen-4.17-known": want xen-3.1, xen-4.17, ideal`,
		"conform xen --guest=any":                    `--guest "any": want dom0, domU, domU-nol1tf`,
		"conform xen --guest=domU --bits=32":         "a 32-bit domU cannot be started",
		"conform xen --guest=domU " + file:           "for random scripts",
	} {
		code, _, errs := ptcheck(t, strings.Fields(line)...)
		if code != exitUsage || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %q; want %q", line, code, errs, want)
		}
	}
}

// TestAdversaryOfDomU has an adversary write absent entries that name memory: a guest
// that must not ends there, and what a search finds is told in its scenario.
func TestAdversaryOfDomU(t *testing.T) {
	args := strings.Fields("explore adversary --frames=4 --levels=2 --slots=1 --flags=P,PW,U --depth=3 --save=")
	code, all, _ := ptcheck(t, append(args, "--profile=ideal")...)
	if code != exitHolds {
		t.Fatalf("exit %d, %s", code, all)
	}
	code, some, _ := ptcheck(t, append(args, "--profile=ideal", "--guest=domU")...)
	if code != exitHolds || some == all || !strings.Contains(some, "guest domU") {
		t.Errorf("exit %d, %s", code, some)
	}
	file := filepath.Join(t.TempDir(), "s.pt")
	text := "system adversary\nprofile xen-4.17\nscope frames 4\nscope levels 2\nscope slots 1\nguest domU\npin 1 f2 #= 0\nmu f2 0 f3:U #= ended\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := ptcheck(t, "replay", file); code != exitHolds {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
}
