package cli

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runnerVerdict is the environment variable that makes the test's program a runner: how it ends
// the cases behind the first.
const runnerVerdict = "PTCHECK_TEST_DRIVE"

// fakeDriver is a runner that says of each case that nothing was mapped, or does something else
// from the second on.
func fakeDriver(what string) {
	fmt.Println("ptcheck-run 1 unicorn 2.1")
	in := bufio.NewReader(os.Stdin)
	for n := 0; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		f := strings.Fields(line)
		switch f[0] {
		case "segment", "bytes":
			var size int64
			fmt.Sscanf(f[2], "%x", &size)
			io.CopyN(io.Discard, in, size)
		case "run":
			if n++; n > 1 && what == "die" {
				fmt.Fprintln(os.Stderr, "qemu: fatal: Aborted")
				os.Exit(134)
			}
			rec := "C 1000000 3 1000 80000011 20 500\nM 4\nT 4 1 root 0\n# end stores 0 controls 1 flushes 0 hypercalls 0 checks 1 differences 0\n"
			fmt.Printf("stop free_area_init ffffffff81000010 2 \nregisters 0\nstack 0\nconsole 0\nrecording %x\n%s", len(rec), rec)
		}
	}
}

// tinyKernel is a file that passes for a 64-bit kernel, and its symbols.
func tinyKernel(t *testing.T) (kernel, symbols string) {
	t.Helper()
	b := make([]byte, 64+56+32)
	copy(b, "\x7fELF\x02\x01\x01")
	le := binary.LittleEndian
	le.PutUint16(b[16:], 2)
	le.PutUint16(b[18:], 62) // x86-64
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], 0x1000000) // entry
	le.PutUint64(b[32:], 64)
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 1)
	p := b[64:]
	le.PutUint32(p, 1)
	le.PutUint32(p[4:], 5)
	le.PutUint64(p[8:], 120)
	le.PutUint64(p[16:], 0xffffffff81000000)
	le.PutUint64(p[24:], 0x1000000)
	le.PutUint64(p[32:], 32)
	le.PutUint64(p[40:], 0x1000)
	dir := t.TempDir()
	kernel, symbols = filepath.Join(dir, "vmlinux"), filepath.Join(dir, "System.map")
	text := ""
	for i, name := range []string{"_text", "f", "_etext", "_sinittext", "free_area_init", "_einittext"} {
		text += fmt.Sprintf("%x T %s\n", 0xffffffff81000000+uint64(i)*4, name)
	}
	for name, data := range map[string][]byte{kernel: b, symbols: []byte(text)} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return kernel, symbols
}

// TestDriveRefuses: what cannot be driven is refused in one line, with the reason and exit 2.
func TestDriveRefuses(t *testing.T) {
	kernel, symbols := tinyKernel(t)
	text := scenarioFile(t, "no kernel\n")
	t.Setenv(runnerVerdict, "")
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"no file":            {[]string{"no-such-kernel"}, []string{"no-such-kernel"}},
		"no kernel":          {[]string{text}, []string{text, "this is no kernel"}},
		"no symbols":         {[]string{kernel}, []string{kernel, "--symbols"}},
		"no runner":          {[]string{kernel, "--symbols=" + symbols, "--runner=/nowhere/ptcheck-run"}, []string{"the runner cannot be started"}},
		"no stop":            {[]string{kernel, "--symbols=" + symbols, "--stop=nowhere", "--runner=" + os.Args[0]}, []string{`"nowhere"`}},
		"no such bug":        {[]string{kernel, "--symbols=" + symbols, "--mutant=K99"}, []string{"K99", "K01"}},
		"no guest":           {[]string{kernel, "--symbols=" + symbols, "--xen=hvm"}, []string{"hvm", "dom0, domU"}},
		"no notes":           {[]string{kernel, "--symbols=" + symbols, "--xen=dom0", "--stop=f", "--runner=" + os.Args[0]}, []string{"ELF notes for Xen"}},
		"no guest stop":      {[]string{kernel, "--symbols=" + symbols, "--xen=dom0", "--runner=" + os.Args[0]}, []string{`"kmem_cache_init"`}},
		"nobody to ask":      {[]string{kernel, "--refuse"}, []string{"--xen"}},
		"guest on a machine": {[]string{kernel, text, "--xen=dom0"}, []string{"--xen"}},
		"no memory":          {[]string{kernel, "--symbols=" + symbols, "--xen=dom0", "--memory=0", "--stop=f", "--runner=" + os.Args[0]}, []string{"--memory"}},
		"no end":             {[]string{kernel, "--cases=0"}, []string{"--time"}},
		"no workers":         {[]string{kernel, "--workers=0"}, []string{"--workers"}},
		"no machine":         {[]string{kernel, text, "--symbols=" + symbols}, []string{text + ":1:", "this is no machine"}},
		"another place":      {[]string{kernel, "--symbols=" + text}, []string{text + ":1", "ADDRESS TYPE NAME"}},
	} {
		t.Run(name, func(t *testing.T) {
			if slices.Contains(c.args, "--runner="+os.Args[0]) {
				t.Setenv(runnerVerdict, "good")
			}
			code, out, errs := ptcheck(t, append([]string{"drive"}, c.args...)...)
			if code != exitUsage || out != "" || strings.Count(errs, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit 2 and one line", code, out, errs)
			}
			for _, part := range c.want {
				if !strings.Contains(errs, part) {
					t.Errorf("%q does not name %q", errs, part)
				}
			}
		})
	}
}

// TestDriveFinds: a finding is told, saved, and the file replays with the same verdict.
func TestDriveFinds(t *testing.T) {
	kernel, symbols := tinyKernel(t)
	t.Setenv(runnerVerdict, "good")
	dir := t.TempDir()
	args := []string{"drive", kernel, "--symbols=" + symbols, "--runner=" + os.Args[0], "--save=" + dir, "--cases=5"}
	code, out, errs := ptcheck(t, args...)
	if code != exitViolated || errs != "" || !strings.Contains(out, "machine 0: direct-map-complete: memory at 0 is not mapped") ||
		!strings.Contains(out, "  broken: direct-map-complete, on 5 machines") {
		t.Fatalf("exit %d, %q, %q", code, out, errs)
	}
	if again, out2, _ := ptcheck(t, append(args, "--workers=1")...); again != code || withoutRate(out2) != withoutRate(out) {
		t.Errorf("another time it says\n%s\nnot\n%s", out2, out)
	}
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) != 1 {
		t.Fatalf("saved: %v, %v", files, err)
	}
	code, out, errs = ptcheck(t, "drive", kernel, files[0], "--symbols="+symbols, "--runner="+os.Args[0], "--record="+dir)
	if code != exitHolds || errs != "" || !strings.HasPrefix(out, "ok    "+files[0]+": broken as it must be: [direct-map-complete]") {
		t.Errorf("the file replays with exit %d, %q, %q", code, out, errs)
	}
	if _, err := os.Stat(files[0] + ".rec.gz"); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"expect direct-map-complete\n": "", "recording ": "recording 0"} {
		spoiled := scenarioFile(t, string(bytes.Replace(text, []byte(from), []byte(to), 1)))
		if code, out, _ := ptcheck(t, "drive", kernel, spoiled, "--symbols="+symbols, "--runner="+os.Args[0]); code != exitViolated || !strings.HasPrefix(out, "FAIL  ") {
			t.Errorf("without %q: exit %d, %q", from, code, out)
		}
	}
}

// withoutRate leaves out how fast it went.
func withoutRate(s string) string {
	head, _, _ := strings.Cut(s, " different outcomes")
	return head
}

// TestDriveDeaths: runners that die are told, their machines saved, and the search gives up with
// exit 2 when nothing else happens.
func TestDriveDeaths(t *testing.T) {
	kernel, symbols := tinyKernel(t)
	t.Setenv(runnerVerdict, "die")
	dir := t.TempDir()
	code, out, errs := ptcheck(t, "drive", kernel, "--symbols="+symbols, "--runner="+os.Args[0], "--save="+dir, "--cases=100")
	if code != exitUsage || !strings.Contains(out, "machine 0: runner-lives: the runner died: qemu: fatal: Aborted") ||
		!strings.Contains(errs, "runners keep dying") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	if files, _ := filepath.Glob(dir + "/ptcheck-machine-runner-lives-*"); len(files) != 20 {
		t.Errorf("%d machines are saved, want 20", len(files))
	}
}
