package pipe

import (
	"strings"
	"testing"
)

// calling is an image of 64 bits that makes a hypercall and halts: it is privileged, which is of
// no importance here. Its tables map the first 2 MiB one to one.
const calling = "image 64\nsegment 100000 3\n\x0f\x05\xf4ram 0 200000\nbytes 1000 8\n\x07\x20\x00\x00\x00\x00\x00\x00" +
	"bytes 2000 8\n\x07\x30\x00\x00\x00\x00\x00\x00bytes 3000 8\n\x87\x00\x00\x00\x00\x00\x00\x00control 80010011 1000 20 500\nentry 100000 9000 0\n"

// TestHost: traps are told, and the hypervisor's requests carried out in their order.
func TestHost(t *testing.T) {
	got, err := serve(t, calling+"host\nread 100000 3\nwrite 5000 2\nhiread 5000 2\nread 900000 4\nregister 3 77\nmsr c0000101 5\nflags 2\nflush\nroot 1000\npc 100002\ngo\n"+
		calling+"host\nend over that is all\ngo\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"trap hypercall 100002 2\nregisters 0 ", "memory 3\n\x0f\x05\xf4memory 2\nhimemory 0\nstop halt 100003 1 the processor halted\nregisters 0 0 0 77 ",
		"stop over 100002 1 that is all\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%q", want, got)
		}
	}
}

// TestHostMistakes: a hypervisor that cannot be understood ends the server; a case that cannot be
// run does not.
func TestHostMistakes(t *testing.T) {
	for request, want := range map[string]string{
		"nonsense\n": "there is no such request of a hypervisor", "register 10 5\n": "no general register has the number 16",
		"write 900000 1\nx": "there is no memory at 900000", "read zz 1\n": "how many bytes cannot be understood", "go 5\n": "more than belongs there",
		"pc 1 2\n": "more than belongs there", "": "the hypervisor is gone",
	} {
		if _, err := serve(t, calling+"host\n"+request); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", request, err, want)
		}
	}
	if got, err := serve(t, "host\n"); err != nil || got != "error host: there is no image\n" {
		t.Errorf("without an image: %q, %v", got, err)
	}
}
