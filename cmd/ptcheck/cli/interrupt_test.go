package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/systems/all"
)

// asMain makes the test program be ptcheck itself ("1"), or one that does not hear
// the first signal ("deaf").
const asMain = "PTCHECK_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if what := os.Getenv(runnerVerdict); what != "" {
		fakeDriver(what)
		return
	}
	switch os.Getenv(asMain) {
	case "1":
		os.Exit(Main(all.Systems()...))
	case "deaf":
		untilSignal()
		fmt.Println("ready")
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

// TestInterrupted interrupts each long command before it has begun.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	script := scenarioFile(t, "system native\nstart 2level-8f\nsetup_start\n")
	for line, want := range map[string]string{
		"explore native --depth=0 --save=": "stopped by interrupt",
		"boot --check " + plainBoot():      "interrupted: 0 of 1 checked, 0 differ\n",
		"replay " + script:                 "interrupted: 0 of 1 files replayed\n",
		"mutants B02 B08":                  "0 of 0 caught\n",
		"mutants B02 --json":               "[]\n",
		"conform xen --ops=10":             "interrupted: 0 of 1 scripts run\n",
	} {
		var out, errs bytes.Buffer
		if code := run(ctx, all.Systems(), strings.Fields(line), &out, &errs); code != exitStopped || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit %d, %s%s; want exit 3 and %q", line, code, out.String(), errs.String(), want)
		}
	}
}

// stopper cancels at the first output.
type stopper struct {
	bytes.Buffer
	cancel func()
}

func (s *stopper) Write(p []byte) (int, error) {
	s.cancel()
	return s.Buffer.Write(p)
}

// TestWhatWasFoundCounts interrupts after something has been found.
func TestWhatWasFoundCounts(t *testing.T) {
	broken := edited(t, "native/2level_poc0_pse1_pge1_nx0_m1000_hm1_z0.json", `[768,4,"0x1e3","0x400000"]`, `[768,4,"0x1e1","0x400000"]`)
	wrong := scenarioFile(t, "system native\nstart 2level-8f\nsetup_start #= crashed\n")
	good := scenarioFile(t, "system native\nstart 2level-8f\nsetup_start #= ok\n")
	for _, x := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"boot", "--check", broken, plainBoot()}, exitViolated, "interrupted: 1 of 2 checked, 1 differ\n"},
		{[]string{"replay", wrong, good}, exitViolated, "interrupted: 1 of 2 files replayed\n"},
		{[]string{"replay", good, wrong}, exitStopped, "interrupted: 1 of 2 files replayed\n"},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		out := &stopper{cancel: cancel}
		if code := run(ctx, all.Systems(), x.args, out, io.Discard); code != x.code || !strings.HasSuffix(out.String(), x.want) {
			t.Errorf("%v: exit %d, %s; want exit %d and %q", x.args, code, out.String(), x.code, x.want)
		}
	}
}

// start runs ptcheck in a process of its own and waits for a first line on stderr.
func start(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asMain+"=1")
	var out bytes.Buffer
	cmd.Stdout = &out
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(errs).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd, &out
}

// TestSignals interrupts a search that would take long.
func TestSignals(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a progress line")
	}
	cmd, out := start(t, "explore", "pvdp", "--frames=7", "--depth=0", "--progress=always", "--workers=1", "--save=")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says all
	if code := cmd.ProcessState.ExitCode(); code != exitStopped || !strings.Contains(out.String(), "stopped by interrupt") {
		t.Errorf("one signal: exit %d, %s", code, out.String())
	}
}

// TestPipeInterrupted interrupts a show that waits for commands.
func TestPipeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	in, feed := io.Pipe()
	defer feed.Close()
	go func() { _, _ = io.WriteString(feed, "where\n") }()
	if code := runWith(ctx, all.Systems(), []string{"show", scenarioFile(t, stepped)}, in, &stopper{cancel: cancel}, io.Discard); code != exitStopped {
		t.Errorf("exit %d", code)
	}
}

// TestSecondSignalKills sends signals to a program that does not hear the first.
func TestSecondSignalKills(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asMain+"=deaf")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	sent := 0
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is looked at below
	}()
	for alive := true; alive; {
		select {
		case <-ended:
			alive = false
		case <-time.After(100 * time.Millisecond):
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended
			sent++
		}
	}
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !w.Signaled() || w.Signal() != syscall.SIGINT || sent < 2 {
		t.Errorf("ended by %v after %d signals", cmd.ProcessState, sent)
	}
}
