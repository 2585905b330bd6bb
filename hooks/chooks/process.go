package chooks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// process is a running program that carries out the hooks of a table.
type process struct {
	cmd  *exec.Cmd
	to   *os.File
	from *os.File
	set  uint64 // the hooks that the table has, by bit
	says [2]uint64
	buf  []byte
}

// message is struct message of ptcheck.c with what follows it.
type message struct {
	kind, line        uint32
	arg               [3]uint64
	file, func_, text string
	frames            []uint64 // return addresses, innermost first
}

// The sizes of what is sent.
const (
	headSize  = 4*6 + 3*8
	orderSize = 4 * 8
	replySize = 2 * 8
	mostText  = 1 << 12
	mostAddrs = 1 << 8
)

// start starts a process for a table.
func start(program, table string, l limits) (*process, error) {
	theirs, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("chooks: %w", err)
	}
	from, back, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("chooks: %w", errors.Join(err, theirs.Close(), to.Close()))
	}
	p := &process{cmd: exec.Command(program, table), to: to, from: from}
	p.cmd.ExtraFiles = []*os.File{theirs, back}
	p.cmd.Stdout, p.cmd.Stderr = os.Stderr, os.Stderr
	err = p.cmd.Start()
	theirs.Close()
	back.Close()
	if err != nil {
		to.Close()
		from.Close()
		return nil, fmt.Errorf("chooks: %w", err)
	}
	m, err := p.receive(l)
	if err != nil || m.kind != uint32(len(accessors())+hello) {
		return nil, fmt.Errorf("chooks: the C program says nothing before its first hook: %s", p.end())
	}
	p.set, p.says = m.arg[0], [2]uint64{m.arg[1], m.arg[2]}
	return p, nil
}

// order has a hook carried out, which may take so much of the processor's time.
func (p *process) order(hook int, a, b uint64, work time.Duration) error {
	p.buf = p.buf[:0]
	for _, n := range [...]uint64{uint64(hook), a, b, uint64(work.Milliseconds())} {
		p.buf = binary.NativeEndian.AppendUint64(p.buf, n)
	}
	_, err := p.to.Write(p.buf)
	return err
}

// answer lets the hook go on with an answer, or end.
func (p *process) answer(gone bool, value uint64) error {
	p.buf = binary.NativeEndian.AppendUint64(p.buf[:0], is(gone))
	p.buf = binary.NativeEndian.AppendUint64(p.buf, value)
	_, err := p.to.Write(p.buf)
	return err
}

// receive reads a message. That none comes is a timeout error.
func (p *process) receive(l limits) (m message, err error) {
	head, err := p.await(l)
	if err != nil {
		return m, err
	}
	m.kind, m.line = binary.NativeEndian.Uint32(head), binary.NativeEndian.Uint32(head[4:])
	for i := range m.arg {
		m.arg[i] = binary.NativeEndian.Uint64(head[8+8*i:])
	}
	var lengths [4]int
	for i := range lengths {
		lengths[i] = int(binary.NativeEndian.Uint32(head[32+4*i:]))
	}
	if max(lengths[0], lengths[1], lengths[2]) > mostText || lengths[3] > mostAddrs {
		return m, errors.New("a message that is none")
	}
	for i, s := range []*string{&m.file, &m.func_, &m.text} {
		data, err := p.read(lengths[i])
		if err != nil {
			return m, err
		}
		*s = string(data)
	}
	data, err := p.read(8 * lengths[3])
	if err != nil {
		return m, err
	}
	for ; len(data) > 0; data = data[8:] {
		m.frames = append(m.frames, binary.NativeEndian.Uint64(data))
	}
	return m, nil
}

// mostRests is how often in a row a process that says nothing is found asleep before it is
// taken for one that waits for something that hooks do not wait for.
const mostRests = 5

// await reads the head of a message. A process that computes ends itself when its time is
// up; one that sleeps is found out by looking, so that a busy machine is no hang.
func (p *process) await(l limits) ([]byte, error) {
	if cap(p.buf) < headSize {
		p.buf = make([]byte, headSize)
	}
	head := p.buf[:headSize]
	for n, rests, end := 0, 0, time.Now().Add(l.wait); ; {
		if err := p.from.SetReadDeadline(time.Now().Add(l.look)); err != nil {
			return nil, err
		}
		did, err := io.ReadFull(p.from, head[n:])
		if n += did; n == headSize {
			return head, p.from.SetReadDeadline(end)
		}
		if !os.IsTimeout(err) {
			return nil, err
		}
		if rests++; !p.asleep() {
			rests = 0
		}
		if rests == mostRests || time.Now().After(end) {
			return nil, err
		}
	}
}

// asleep reports whether the process waits for something (proc(5), the state behind the
// name in parentheses).
func (p *process) asleep() bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return false
	}
	at := bytes.LastIndexByte(text, ')')
	return at >= 0 && at+2 < len(text) && bytes.IndexByte([]byte("SDTt"), text[at+2]) >= 0
}

// read reads so many bytes, which are valid until the next read.
func (p *process) read(n int) ([]byte, error) {
	if cap(p.buf) < n {
		p.buf = make([]byte, n)
	}
	p.buf = p.buf[:n]
	_, err := io.ReadFull(p.from, p.buf)
	return p.buf, err
}

// end ends the process if it has not done so by itself, and says how it has.
func (p *process) end() string {
	p.to.Close()
	p.from.Close()
	late := time.AfterFunc(time.Second, func() { _ = p.cmd.Process.Kill() })
	_ = p.cmd.Wait()
	late.Stop()
	return p.cmd.ProcessState.String()
}

// kill ends it by force.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	p.end()
}
