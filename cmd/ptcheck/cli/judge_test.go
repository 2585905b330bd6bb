package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/systems/all"
)

const recordings = "../../../testdata/recordings/"

// TestJudge wants the verdict, its exit code and the code that is to blame.
func TestJudge(t *testing.T) {
	code, out, errs := ptcheck(t, "judge", recordings+"686.rec.gz", recordings+"686-pae.rec.gz")
	if code != exitViolated || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	for _, want := range []string{
		"686.rec.gz: holds: ", "  what: Linux 6.1.0-686, i386, 256 MiB, 1 processor qemu64\n",
		"  recorded: 63729 stores, 15995 register writes, 40337 flushes; the recorder's copy against memory: 0 differences in 8 comparisons\n",
		"686-pae.rec.gz: violated: user-no-execute 1 times\n", "violated: user-no-execute\n", "  code: switch_mm_irqs_off+0x222\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not contain %q:\n%s", want, out)
		}
	}
	if code, _, errs := ptcheck(t, "judge", recordings+"686.rec.gz"); code != exitHolds || errs != "" {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestJudgeText prints a recording and judges what was printed: the same verdict.
func TestJudgeText(t *testing.T) {
	code, out, errs := ptcheck(t, "judge", "--text", recordings+"686.rec.gz")
	if code != exitHolds || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	if !strings.HasPrefix(out, "ptcheck-recording 1\n# banner Linux version 6.1.0-686\n") || !strings.Contains(out, "\nS c1da00b8 1e74 301 1ee7063 400083 4 2 c1e74c04\n") {
		t.Errorf("printed %.200q", out)
	}
	path := filepath.Join(t.TempDir(), "686.rec.gz")
	if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	_, want, _ := ptcheck(t, "judge", recordings+"686.rec.gz")
	if _, got, _ := ptcheck(t, "judge", path); got != want {
		t.Errorf("the verdict on its text is\n%s\nwant\n%s", got, want)
	}
	var b, e bytes.Buffer
	runWith(context.Background(), all.Systems(), []string{"judge", "-"}, strings.NewReader(out), &b, &e)
	if got := strings.Replace(b.String(), "-: ", "686.rec.gz: ", 1); got != want {
		t.Errorf("from the standard input: %s%s", got, e.String())
	}
}

// TestJudgeBadInput wants a clear line for what is no recording, and others judged all the
// same.
func TestJudgeBadInput(t *testing.T) {
	raw, err := os.ReadFile(recordings + "686.rec.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, x := range map[string]struct {
		src  []byte
		want string
	}{
		"cut":     {raw[:len(raw)/2], "the recording is truncated"},
		"halved":  {plain[:len(plain)/2], "truncated"},
		"empty":   {nil, "the file is empty"},
		"foreign": {[]byte("{\"golden\": 1}\n"), ":1: this is no recording"},
		"newer":   {bytes.Replace(plain, []byte("recording 1"), []byte("recording 2"), 1), ":1: this is a recording of version \"2\""},
		"damaged": {bytes.Replace(plain, []byte("S c1da00b8 1e74 301 1ee7063"), []byte("S c1da00b8 1e74 301 1ee8063"), 1), "by what the recording says before it is 1ee7063"},
	} {
		code, out, errs := ptcheck(t, "judge", write(name, x.src), recordings+"686.rec.gz")
		if code != exitUsage || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, x.want) || !strings.Contains(errs, name) {
			t.Errorf("%s: exit %d, %q, want %q", name, code, errs, x.want)
		}
		if !strings.Contains(out, "686.rec.gz: holds") {
			t.Errorf("%s: the other one is not judged: %s", name, out)
		}
	}
	if code, _, errs := ptcheck(t, "judge", "nowhere.rec.gz"); code != exitUsage || !strings.Contains(errs, "nowhere.rec.gz") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestShowRecording steps through a real boot.
func TestShowRecording(t *testing.T) {
	commands := strings.Join([]string{
		"next", "goto 60000", "prev", "until f1e74 changes", "where", "who 0xc0400000", "walk 0xc0400000", "until 0xc0400000", "last", "prev",
		"table f1e", "until f1e74", "who 12",
	}, "\n")
	var out, errs bytes.Buffer
	code := runWith(context.Background(), all.Systems(), []string{"show", recordings + "686.rec.gz"}, strings.NewReader(commands), &out, &errs)
	if code != exitUsage {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{
		"60000  flush of page", "59999  ", "80803  f1e74[830]: 0 -> ff800:PWS", "f1e74[769]: f1ee7:PWAD -> f400:PWS = kernel_physical_mapping_init+", "L2 f1e74[769]  f1ee7:PWAD\n",
		"  L1 f1ee7[0]  f400:PW\n", "-> machine frame 0x400+0x0, page of 4 KiB, writable, kernel, executable",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output does not contain %q:\n%s", want, out.String())
		}
	}
	for _, want := range []string{"frame f1e is no table", "f1e74 does not change any more", `"12" is no address`} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("the errors do not contain %q:\n%s", want, errs.String())
		}
	}
}
