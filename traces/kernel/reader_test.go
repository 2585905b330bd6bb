package kernel

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/seeds"
)

const folder = "../../testdata/recordings"

// recordings are the recordings that come with ptcheck.
func recordings(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.rec.gz")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	return files
}

// text uncompresses a file.
func text(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rewrite reads a recording and writes it again.
func rewrite(name string, in []byte) ([]byte, error) {
	r, err := NewReader(name, bytes.NewReader(in))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := NewWriter(&out, &r.Header)
	for {
		var e Event
		if err := r.Next(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		w.Event(&e)
	}
	err = w.Close(r.Totals, r.Symbols, r.Sites)
	return out.Bytes(), err
}

// TestRoundTrip reads each recording and writes it again: the same bytes.
func TestRoundTrip(t *testing.T) {
	for _, file := range recordings(t) {
		in := text(t, file)
		out, err := rewrite(file, in)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(in, out) {
			a, b := bytes.Split(in, []byte("\n")), bytes.Split(out, []byte("\n"))
			for i := range min(len(a), len(b)) {
				if !bytes.Equal(a[i], b[i]) {
					t.Fatalf("%s:%d: got %q, want %q", file, i+1, b[i], a[i])
				}
			}
			t.Fatalf("%s: %d bytes, want %d", file, len(out), len(in))
		}
	}
}

// small is a recording with a line of each kind.
const small = `ptcheck-recording 1
# arch amd64
# memory 268435456
# smp 2
# banner Linux version 6.1.0 (debian)
e820 0 9fc00 usable
e820 100000 ffe0000 usable
C 1000 3 2000 80000011 20 500
M 4
T 4 2 root 0
e 1ff 1 3063
T 3 3 0
m 0 4 1e3
e 4 2 800001e3
V 1
S ffffffff81000000 3 8 0 4063 8 3 ffff888000003040 @ffffffff81000010,ffffffff81000020
S ffffffff81000000 9 8 0 63 8 0 ffff888000009040
L 3 3 2
R 3 3
D 2
I ffffffff81000000 ffff888000201000
I ffffffff81000000 ffffffffffffffff ?
P ffffffff81000000
C 1000 0 2000 80000011 20 500 same
H 1000 1 1000 1 0 7ff0 @1010
u 2063 0
b 1 2 3
h 1000 0
H 1000 d 1000 2 0 0
 c 1 1000 1 0
 u 2063 0
 c 1a 1000 1 0
 x 5 0 0
 b 12
 !
h 1000 0
 r 0
 r -22
X start
f 2 3 c000000000000001 8400000000000001 0
p 0 100 1000
? end 3 8 4063 0
# end stores 2 controls 2 flushes 3 hypercalls 2 checks 1 differences 1 spare 7
symbols 1
ffffffff81000000 T _text [module]
lines 1
ffffffff81000000 startup_64 12 arch/x86/kernel/head_64.S
`

// TestEveryKind reads and writes a line of each kind.
func TestEveryKind(t *testing.T) {
	out, err := rewrite("small", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != small {
		t.Errorf("got\n%s\nwant\n%s", out, small)
	}
	r, err := NewReader("small", strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Header.Release(); got != "6.1.0" {
		t.Errorf("release %q", got)
	}
	seen := map[Kind]bool{}
	for {
		var e Event
		if err := r.Next(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen[e.Kind] = true
	}
	for _, k := range "CMTeSRDLIPHcux!bhrXfp?" {
		if !seen[Kind(k)] {
			t.Errorf("no event of kind %c", k)
		}
	}
	if err := r.Next(new(Event)); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %v", err)
	}
}

// TestRefusals wants file, line and reason.
func TestRefusals(t *testing.T) {
	for _, x := range []struct{ from, to, want string }{
		{"ptcheck-recording 1", "ptcheck-recording 2", "a:1: this is a recording of version \"2\"; this ptcheck reads version 1"},
		{"ptcheck-recording 1", "C 0 0 11 0 0 0", "a:1: this is no recording"},
		{"# arch amd64", "# arch mips", `a:8: the header must say "# arch i386" or "# arch amd64", it says "mips"`},
		{"# memory 268435456", "# memory much", `a:8: the header must say "# memory" as a number`},
		{"# smp 2", "# arch amd64", `a:4: "arch" is there twice`},
		{"e820 0 9fc00 usable", "e820 9fc00 0 usable", "a:6: the range is empty"},
		{"M 4", "M 6", "a:9: the paging mode must be 2 to 5, it is 6"},
		{"M 4", "Z 4", `a:9: no event begins with 'Z'`},
		{"e 1ff 1 3063", "e 3ff 2 3063", "a:11: the run"},
		{"e 1ff 1 3063", "e 1ff 1", "a:11: the entry is missing"},
		{"R 3 3", "R xyz 3", `a:19: the frame is no number: "xyz"`},
		{"R 3 3", "R 3 3 3", `a:19: more than belongs on such a line: "3"`},
		{"P ffffffff81000000\n", "", "totals say 3 flushes"},
		{"checks 1", "spares 1", "do not say that memory was held against"},
		{small[strings.Index(small, "# end"):], "", "the recording is truncated: it has no line \"# end\""},
		{small[strings.Index(small, "C 1000"):], "", "the recording is truncated: it has a header only"},
		{"symbols 1", "symbols 2", "a:46: the address is no number: \"lines\""},
		{small[len(small)-2:], "", "a:47: the recording ends in the middle of a line"},
		{small, "", "a: the file is empty"},
		{"lines 1", "lines 0", "goes on behind its end"},
	} {
		in := strings.Replace(small, x.from, x.to, 1)
		_, err := rewrite("a", []byte(in))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q -> %q: %v, want %q", x.from, x.to, err, x.want)
		}
	}
	if _, err := rewrite("a", []byte(strings.Replace(small, "D 2\n", "D "+strings.Repeat("1", maxLine)+"\n", 1))); err == nil || !strings.Contains(err.Error(), "a:20: the line is longer") {
		t.Errorf("a long line: %v", err)
	}
}

// TestTruncatedAnywhere cuts a compressed recording at many places: each is refused.
func TestTruncatedAnywhere(t *testing.T) {
	raw, err := os.ReadFile(folder + "/686.rec.gz")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(raw); n += len(raw)/23 + 1 {
		_, err := rewrite("cut", raw[:n])
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%d of %d bytes: %v", n, len(raw), err)
		}
	}
	for n := 20; n < len(raw); n += len(raw)/23 + 1 {
		bad := bytes.Clone(raw)
		bad[n] ^= 0x40
		if _, err := rewrite("bad", bad); err == nil {
			t.Errorf("byte %d of %d damaged: not noticed", n, len(raw))
		}
	}
}

// FuzzReader reads anything: no panic, and what is accepted is written as it was read.
func FuzzReader(f *testing.F) {
	seeds.Add(f, []byte(small))
	seeds.Add(f, []byte("ptcheck-recording 1\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := rewrite("fuzz", in)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *Error", err)
			}
			return
		}
		again, err := rewrite("fuzz", out)
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%q", err, out)
		}
		if !bytes.Equal(out, again) {
			t.Fatalf("written twice: %q, then %q", out, again)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	raw, err := os.ReadFile(folder + "/amd64.rec.gz")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := NewReader("amd64", bytes.NewReader(raw))
		if err != nil {
			b.Fatal(err)
		}
		var e Event
		for err == nil {
			err = r.Next(&e)
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
}
