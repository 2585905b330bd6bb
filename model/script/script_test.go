package script

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/seeds"
)

const recordings = "../../testdata/xen-lab"

func scripts(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"scenarios/*.txt", "random/*.txt"} {
		names, err := filepath.Glob(filepath.Join(recordings, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, names...)
	}
	if len(all) == 0 {
		t.Fatal("no scripts")
	}
	return all
}

// TestRecordedScripts parses and prints every script of the recordings.
func TestRecordedScripts(t *testing.T) {
	for _, name := range scripts(t) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(name, src)
		if err != nil {
			t.Errorf("%v", err)
		}
		g, err := Parse(name, Format(f))
		if err != nil || !reflect.DeepEqual(strip(f), strip(g)) {
			t.Errorf("%s changes when printed: %v", name, err)
		}
	}
}

func TestErrorsNamePlace(t *testing.T) {
	cases := []struct{ src, want string }{
		{"reset\n  jump f0", `f:2:3: unknown operation "jump"`},
		{"pin 1", `f:1:1: pin takes 2 operands, not 1: pin LEVEL FRAME, such as "pin 1 f1"`},
		{"pin 1 f64", `f:1:7: "f64" is not a frame: no such number`},
		{"pin 1 q", `f:1:7: "q" is not a frame: names start with f, k, b, m, x or h`},
		{"map s32 0", `f:1:5: "s32" is not an address: pages are s0 to s31`},
		{"map s0 f0:PZ", `f:1:12: 'Z' is not a flag: flags are PWUTCADSGabcKX and +NUMBER`},
		{"mu f0 one 0", `f:1:7: "one" is not a number`},
		{"mus f0 0 f1:P 1", `f:1:1: mus takes 3 operands or 5, 7, ..., not 4: mus FRAME SLOT ENTRY ..., such as "mus f1 1 f0:PW 2 0"`},
		{"mu f0 0 k0:P", `f:1:9: "k0" is not a frame: no such number`},
	}
	for _, c := range cases {
		_, err := Parse("f", []byte(c.src))
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.src, err, c.want)
		}
	}
}

func TestUsualForm(t *testing.T) {
	src := "# head\n\nt 01  a title # all of it\n\tpin  1\tf0 # why\nmu f0 0x10 f1:XWP+0x80   #= -EBUSY \nw 0xFFF 0 1\nucr3 0\n"
	want := "# head\n\nt 01  a title # all of it\npin 1 f0  # why\nmu f0 0x10 f1:PWSX  #= -EBUSY\nw 0xFFF 0 1\nucr3 0\n"
	f, err := Parse("f", []byte(src))
	if err == nil || !strings.Contains(err.Error(), "f:6:3") {
		t.Errorf("mistake in line 6: %v", err)
	}
	if got := string(Format(f)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if l := &f.Lines[4]; !l.HasWant || l.Want != "-EBUSY" {
		t.Errorf("expectation %q", l.Want)
	}
}

// strip removes what a line keeps only for messages.
func strip(f *File) []Line {
	out := make([]Line, len(f.Lines))
	for i, l := range f.Lines {
		if l.Op == nil || l.Op.Spec != nil {
			l.Raw = ""
		}
		if l.Op != nil {
			op := *l.Op
			op.Col = 0
			op.Args = append([]Arg(nil), op.Args...)
			for n := range op.Args {
				op.Args[n].Col = 0
			}
			l.Op = &op
		}
		out[i] = l
	}
	return out
}

// FuzzRoundTrip checks that printing a script and parsing it again changes
// nothing, whatever the script.
func FuzzRoundTrip(f *testing.F) {
	if seeds.Here() {
		seeds.Files(f, 2000, scripts(f)...)
	}
	seeds.Add(f, []byte("w s0 0 f1:+0x1000\nmu m5 0x0 m0x5:P #= 0\n#= 3\nt x\nmap 12 0x\n\r\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		one, _ := Parse("f", src)
		text := Format(one)
		two, _ := Parse("f", text)
		if !reflect.DeepEqual(strip(one), strip(two)) {
			t.Errorf("%q\nprints as\n%q", src, text)
		}
		if again := Format(two); string(again) != string(text) {
			t.Errorf("%q prints as %q the second time", text, again)
		}
	})
}
