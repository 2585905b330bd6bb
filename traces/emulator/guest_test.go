package emulator

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// fakeGuest is a runner's side of a guest: it makes a hypercall, takes an exception, and stops.
func fakeGuest(what string, in *bufio.Scanner) {
	for _, trap := range []string{"hypercall 10 2", "exception 20 2 e 6 1000", "stop 30 2 end"} {
		if what == "nonsense" {
			trap = "upcall 10 2"
		}
		fmt.Printf("trap %s\nregisters 1 2 3\n", trap)
		for in.Scan() && in.Text() != "go" {
			switch {
			case in.Text() == "read 1000 4":
				fmt.Print("memory 4\nabcd")
			case strings.HasPrefix(in.Text(), "read "):
				fmt.Print("memory 0\n")
			case what == "dies":
				os.Exit(3)
			default:
				fmt.Fprintln(os.Stderr, in.Text())
			}
		}
	}
	fmt.Print("stop end 30 1 \nregisters 7\nstack 0\nconsole 0\nrecording 0\n")
}

// asking is a hypervisor that notes traps and asks for everything.
type asking struct {
	traps []Trap
	read  string
	there bool
	err   error
}

func (a *asking) Trap(p *Processor, t *Trap) error {
	a.traps = append(a.traps, *t)
	if len(a.traps) == 1 {
		b := make([]byte, 4)
		if p.Read(0x1000, b) {
			a.read = string(b)
		}
		a.there = p.Read(0x9000, b)
		p.Write(0x2000, []byte("xy"))
		p.SetRegister(RDI, 0x11)
		p.SetPC(0x22)
		p.SetFlags(0x33)
		p.SetRoot(0x44)
		p.SetMSR(0x55, 0x66)
		p.Flush()
	}
	return a.err
}

// TestHost: a guest's traps come to the hypervisor, and its requests to the runner.
func TestHost(t *testing.T) {
	r, err := startFake(t, "good")
	if err != nil {
		t.Fatal(err)
	}
	a := &asking{}
	res, err := r.Host(&Guest{RAM: []Range{{0, 0x1000, Usable}}, Memory: []Piece{{0, []byte("z")}}, Stops: map[string]uint64{"end": 0x30}}, a)
	if err != nil || res.Stop != "end" || res.Registers[0] != 7 {
		t.Fatalf("%+v, %v", res, err)
	}
	registers := [16]uint64{1, 2, 3}
	for i, want := range []Trap{
		{Hypercall: true, PC: 0x10, Flags: 2, Registers: registers},
		{Vector: 14, Code: 6, CR2: 0x1000, PC: 0x20, Flags: 2, Registers: registers},
		{Stop: "end", PC: 0x30, Flags: 2, Registers: registers},
	} {
		if i >= len(a.traps) || a.traps[i] != want {
			t.Errorf("trap %d: %+v, want %+v", i, a.traps, want)
		}
	}
	if a.read != "abcd" || a.there {
		t.Errorf("memory is %q; where none is there is some: %v", a.read, a.there)
	}
}

// TestHostDeaths: a runner that dies meanwhile or talks nonsense, and a hypervisor that cannot go
// on, end the run with their own reasons.
func TestHostDeaths(t *testing.T) {
	broken := errors.New("the hypervisor is at a loss")
	for what, want := range map[string]string{"dies": "the runner died: exit status 3", "nonsense": "the runner died: ", "good": broken.Error()} {
		r, err := startFake(t, what)
		if err != nil {
			t.Fatal(err)
		}
		a := &asking{}
		if what == "good" {
			a.err = broken
		}
		if _, err := r.Host(&Guest{}, a); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v; want %q", what, err, want)
		}
		r.Close()
		if r.cmd.ProcessState == nil {
			t.Errorf("%s: its process is not gone", what)
		}
	}
}
