package pipe

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/internal/testlib"
)

// serve answers requests.
func serve(t *testing.T, requests string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Serve(testlib.Load(t), strings.NewReader(requests), &out)
	_, rest, ok := strings.Cut(out.String(), "\n")
	if !ok || !strings.HasPrefix(out.String(), "ptcheck-run 1 unicorn 2.") {
		t.Errorf("it says hello as %q", out.String())
	}
	return rest, err
}

// halting is an image of one instruction, hlt, and its machine.
const halting = "image 32\nsegment 100000 1\n\xf4code 100000 100000 1\nram 0 200000\ncontrol 11 0 0 0\nentry 100000 9000 0\n"

// TestRun: a case is run, and the next one has nothing of it.
func TestRun(t *testing.T) {
	got, err := serve(t, halting+"run\nrun\n")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got, "stop halt 100001 2 the processor halted\nregisters 0 ") || !strings.Contains(got, "\nconsole 0\nrecording ") {
		t.Errorf("the answer is %q", got)
	}
	if !strings.Contains(got, "\nerror machine: the machine's memory does not hold the kernel") {
		t.Errorf("the second case has memory of the first: %q", got)
	}
}

// TestMistakes: a case that cannot be run is answered with the first mistake, in one line.
func TestMistakes(t *testing.T) {
	for request, want := range map[string]string{
		"run\n":                            "error run: there is no image\n",
		"image 16\nrun\n":                  "error image: machine: a kernel of 16 bits: want 32 or 64\n",
		"image x\nrun\n":                   "error image: \"x\" is no decimal number\n",
		"image 32 7\nrun\n":                "error image: more than belongs there: \"7\"\n",
		"code 1 1 1\nrun\n":                "error code: there is no image\n",
		"segment 1 1\nxrun\n":              "error segment: there is no image\n",
		halting + "ram 5 5\nrun\n":         "error ram: the range 5 to 5 is empty\n",
		halting + "stop 5\nrun\n":          "error stop: a stop has a name\n",
		halting + "msr zz 1\nrun\n":        "error msr: \"zz\" is no hexadecimal number of up to 64 bits\n",
		halting + "nonsense\nrun\n":        "error nonsense: there is no such request\n",
		halting + "bytes 900000 1\nxrun\n": "error machine: there is no memory at 900000 for 1 bytes that must be there\n",
	} {
		if got, err := serve(t, request); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", request, got, err, want)
		}
	}
}

// TestBroken: a stream that cannot be followed any more ends the server.
func TestBroken(t *testing.T) {
	for _, request := range []string{"segment 1 zz\n", "segment 1 ffffffffff\n", "bytes 1 5\nab", "image 32"} {
		if _, err := serve(t, request); err == nil {
			t.Errorf("%q: no error", request)
		}
	}
}
