package emulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Runner is a process of ptcheck-run. It is not safe for concurrent use.
type Runner struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	w       *bufio.Writer
	r       *bufio.Reader
	errs    tail
	version string
	timeout time.Duration
	whole   bool // each case is run from its beginning
}

// Died is the error of a runner that ended by itself or had to be ended.
type Died struct{ Reason string }

// Error implements error.
func (d *Died) Error() string { return "the runner died: " + d.Reason }

// Refused is the error of a runner that could not run a case, and says why.
type Refused struct{ Reason string }

// Error implements error.
func (r *Refused) Error() string { return r.Reason }

// Result is how a run ended.
type Result struct {
	Stop   string // name of the stop, or halt, exception, events, error
	Detail string
	PC     uint64
	Passes int
	// Registers are the general registers in the order of their encoding, Stack the words that
	// the stack pointer points to.
	Registers []uint64
	Stack     []uint64
	Console   []byte
	Body      []byte // the recording from its first event to its totals
}

const protocol = "ptcheck-run 1 unicorn "

// Start starts a runner with the emulator's library; without a library the system's is taken. A
// case may take as long as the timeout.
func Start(ctx context.Context, program, library string, timeout time.Duration) (*Runner, error) {
	var args []string
	if library != "" {
		args = append(args, "-lib", library)
	}
	r := &Runner{cmd: exec.CommandContext(ctx, program, args...), timeout: timeout}
	r.cmd.Stderr = &r.errs
	r.cmd.WaitDelay = time.Second
	in, err := r.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("emulator: the runner cannot be started: %w", err)
	}
	r.in, r.w, r.r = in, bufio.NewWriterSize(in, 1<<16), bufio.NewReaderSize(out, 1<<16)
	hello, err := r.r.ReadString('\n')
	version, ok := strings.CutPrefix(strings.TrimSuffix(hello, "\n"), protocol)
	if err != nil || !ok {
		r.Close()
		if said := r.errs.String(); said != "" {
			return nil, errors.New(strings.TrimPrefix(said, "ptcheck-run: "))
		}
		return nil, fmt.Errorf("emulator: %s is no runner for this ptcheck: it says %.40q, not %q", program, hello, protocol)
	}
	r.version = version
	return r, nil
}

// Version is the emulator's version.
func (r *Runner) Version() string { return r.version }

// Close ends the runner and waits for it.
func (r *Runner) Close() {
	r.in.Close()
	r.cmd.Process.Kill()
	r.cmd.Wait()
}

// line sends a line of a request.
func (r *Runner) line(format string, args ...any) { fmt.Fprintf(r.w, format+"\n", args...) }

// bytes sends a line and bytes.
func (r *Runner) bytes(verb string, pa uint64, b []byte) {
	r.line("%s %x %x", verb, pa, len(b))
	r.w.Write(b)
}

// run has the case run that was sent, and reads the answer.
func (r *Runner) run() (*Result, error) {
	r.line("run")
	return r.watched(func() (*Result, error) {
		if err := r.w.Flush(); err != nil {
			return nil, err
		}
		line, err := r.r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		return r.result(line)
	})
}

// result reads the answer to a case, of which a line is there.
func (r *Runner) result(line string) (res *Result, err error) {
	line = strings.TrimSuffix(line, "\n")
	if why, ok := strings.CutPrefix(line, "error "); ok {
		return nil, &Refused{why}
	}
	f := strings.SplitN(line, " ", 5)
	if len(f) != 5 || f[0] != "stop" {
		return nil, fmt.Errorf("emulator: the runner says %.40q", line)
	}
	res = &Result{Stop: f[1], Detail: f[4]}
	if res.PC, err = strconv.ParseUint(f[2], 16, 64); err == nil {
		res.Passes, err = strconv.Atoi(f[3])
	}
	if err == nil {
		res.Registers, err = r.words("registers")
	}
	if err == nil {
		res.Stack, err = r.words("stack")
	}
	if err == nil {
		res.Console, err = r.block("console")
	}
	if err == nil {
		res.Body, err = r.block("recording")
	}
	return res, err
}

// words reads a line "NAME WORD...".
func (r *Runner) words(name string) (list []uint64, err error) {
	line, err := r.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	f := strings.Fields(line)
	if len(f) == 0 || f[0] != name {
		return nil, fmt.Errorf("emulator: the runner says %.40q where %s should be", line, name)
	}
	for _, w := range f[1:] {
		v, err := strconv.ParseUint(w, 16, 64)
		if err != nil {
			return nil, fmt.Errorf("emulator: the runner says %.40q where a word should be", w)
		}
		list = append(list, v)
	}
	return list, nil
}

// maxBlock bounds what a runner may send at once.
const maxBlock = 1 << 28

// block reads a line "NAME LENGTH" and the bytes behind it.
func (r *Runner) block(name string) ([]byte, error) {
	line, err := r.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	n, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), name+" ")
	size, err := strconv.ParseUint(n, 16, 64)
	if !ok || err != nil || size > maxBlock {
		return nil, fmt.Errorf("emulator: the runner says %.40q where %s should be", line, name)
	}
	b := make([]byte, size)
	_, err = io.ReadFull(r.r, b)
	return b, err
}

// tail keeps the end of what a process says.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	const keep = 2000
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	t.b = t.b[max(0, len(t.b)-keep):]
	return len(b), nil
}

// String is the last line that was said.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	return lines[len(lines)-1]
}
