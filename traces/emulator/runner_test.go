package emulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// behaviour is the environment variable that makes the test's program a runner.
const behaviour = "PTCHECK_TEST_RUNNER"

func TestMain(m *testing.M) {
	if what := os.Getenv(behaviour); what != "" {
		fakeRunner(what)
		return
	}
	os.Exit(m.Run())
}

// fakeRunner is a runner that behaves in some way.
func fakeRunner(what string) {
	switch what {
	case "old":
		fmt.Fprintln(os.Stderr, "ptcheck-run: unicorn: libunicorn.so.2 is version 2.0: too old")
		os.Exit(2)
	case "stranger":
		fmt.Println("hello")
		time.Sleep(time.Minute)
	}
	fmt.Println("ptcheck-run 1 unicorn 2.1")
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		switch in.Text() {
		case "run":
			fakeAnswer(what)
		case "host":
			fakeGuest(what, in)
		}
	}
}

func fakeAnswer(what string) {
	const answer = "stop end c0100000 2 all is well\nregisters 1 2\nstack 3\nconsole 2\nhirecording 3\nC 1"
	switch what {
	case "good":
		fmt.Print(answer)
	case "refuses":
		fmt.Println("error there is no image")
	case "dies":
		fmt.Fprintln(os.Stderr, "qemu: fatal: aborted")
		os.Exit(134)
	case "stops":
		fmt.Print(answer[:40])
		os.Exit(0)
	case "hangs":
		time.Sleep(time.Minute)
	case "babbles":
		fmt.Println("stop end zz 2 x")
	case "boasts":
		fmt.Print("stop end 1 2 x\nregisters 1\nstack 1\nconsole ffffffffffff\n")
	}
}

func startFake(t *testing.T, what string) (*Runner, error) {
	t.Helper()
	t.Setenv(behaviour, what)
	r, err := Start(context.Background(), os.Args[0], "", 2*time.Second)
	if err == nil {
		t.Cleanup(r.Close)
	}
	return r, err
}

// TestAnswers: answers are read, refusals told apart from deaths.
func TestAnswers(t *testing.T) {
	r, err := startFake(t, "good")
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.run()
	if err != nil || res.Stop != "end" || res.PC != 0xc0100000 || res.Passes != 2 || res.Detail != "all is well" ||
		len(res.Registers) != 2 || res.Stack[0] != 3 || string(res.Console) != "hi" || string(res.Body) != "C 1" {
		t.Errorf("%+v, %v", res, err)
	}
	if r.Version() != "2.1" {
		t.Errorf("its version is %q", r.Version())
	}
	r, err = startFake(t, "refuses")
	if err != nil {
		t.Fatal(err)
	}
	var refused *Refused
	for range 2 { // it lives on
		if _, err := r.run(); !errors.As(err, &refused) || refused.Reason != "there is no image" {
			t.Errorf("a refusal: %v", err)
		}
	}
}

// TestDeaths: a runner that dies, hangs or talks nonsense is an error that says so in a line, and
// leaves no process behind.
func TestDeaths(t *testing.T) {
	for what, want := range map[string]string{
		"dies": "the runner died: qemu: fatal: aborted", "stops": "the runner died: exit status 0",
		"hangs": "the runner died: a case took more than 2s", "babbles": "the runner died: ", "boasts": "the runner died: ",
	} {
		r, err := startFake(t, what)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.run()
		var died *Died
		if !errors.As(err, &died) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %q", what, err, want)
		}
		r.Close()
		if r.cmd.ProcessState == nil {
			t.Errorf("%s: its process is not gone", what)
		}
	}
}

// TestStart: what is no runner, or one that cannot work, is refused with its own reason.
func TestStart(t *testing.T) {
	for what, want := range map[string]string{
		"old": "unicorn: libunicorn.so.2 is version 2.0: too old", "stranger": "is no runner for this ptcheck: it says",
	} {
		if _, err := startFake(t, what); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", what, err, want)
		}
	}
	if _, err := Start(context.Background(), "/nowhere/ptcheck-run", "", time.Second); err == nil || !strings.Contains(err.Error(), "cannot be started") {
		t.Errorf("no program: %v", err)
	}
}

// TestOpenMistakes: files that are no kernels, or have no symbols, are refused in one line.
func TestOpenMistakes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir + "/" + name
	}
	text := write("text", "this is no kernel")
	for _, x := range []struct{ file, symbols, want string }{
		{dir + "/none", "", "no such file"}, {text, "", text + ": "}, {write("empty", ""), "", ""},
	} {
		_, err := Open(x.file, x.symbols)
		if err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", x.file, err, x.want)
		}
	}
	for text, want := range map[string]string{"c0000000 T\n": ":1: want ADDRESS TYPE NAME", "zz T f\n": `:1: "zz" is no address`} {
		if _, err := readSymbols(write("map", text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}
