package recorder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ptcheck/ptcheck/traces/kernel"
	"github.com/ptcheck/ptcheck/traces/kernel/initrd"
	"github.com/ptcheck/ptcheck/traces/kernel/symbols"
)

// Options say how to record.
type Options struct {
	// Timeout bounds each of the boots; 0: ten minutes. A boot whose time is up is recorded
	// as far as it went.
	Timeout time.Duration
	// VMLinux is the path of the kernel with debug data, "" if there is none: it adds lines
	// of the source to the recording.
	VMLinux string
	// Phase is told what is being done, in a few words; it may be nil.
	Phase func(string)
}

// Restarted is how a boot ends that ends well.
const Restarted = "the machine was restarted"

// Boot is what came of a recorded boot.
type Boot struct {
	// Ended says how it ended: [Restarted], or what went wrong.
	Ended string
	// Used is the time of a processor that QEMU has taken for both boots.
	Used time.Duration
	// Totals are the recorder's own.
	Totals kernel.Totals
}

// run is one recording in the making.
type run struct {
	machine *Machine
	qemu    *QEMU
	kernel  *booted
	dir     string // of the boot
	timeout time.Duration
	used    time.Duration
	phase   func(string)
}

// Record boots the machine and writes the recording to a file, which is there whole or not
// at all.
func Record(ctx context.Context, m Machine, to string, o Options) (*Boot, error) {
	r := &run{machine: &m, timeout: o.Timeout, phase: o.Phase}
	if r.timeout == 0 {
		r.timeout = 10 * time.Minute
	}
	if r.phase == nil {
		r.phase = func(string) {}
	}
	var err error
	if r.dir, err = os.MkdirTemp("", "ptcheck-watch-*"); err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	defer os.RemoveAll(r.dir)
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	parts, err := r.events(ctx)
	if err != nil {
		return nil, err
	}
	return r.write(parts, to, o.VMLinux)
}

// prepare finds the programs and lays out the folder of the boot.
func (r *run) prepare(ctx context.Context) error {
	var err error
	if r.qemu, err = FindQEMU(ctx); err != nil {
		return err
	}
	plugin, err := Build(ctx, r.qemu.API)
	if err != nil {
		return err
	}
	r.phase("reading the kernel")
	if r.kernel, err = openKernel(r.machine.Kernel); err != nil {
		return err
	}
	return errors.Join(link(plugin, r.dir, pluginFile), link(r.machine.Kernel, r.dir, kernelFile), r.layInitrd(), r.layXen())
}

// link gives a file a short name in a folder.
func link(path, dir, name string) error {
	abs, err := filepath.Abs(path)
	if err == nil {
		err = os.Symlink(abs, inDir(dir, name))
	}
	if err != nil {
		return fmt.Errorf("recorder: %w", err)
	}
	return nil
}

func (r *run) layInitrd() error {
	if p := r.machine.Initrd; p != "" {
		if _, err := os.Stat(p); err != nil {
			return fmt.Errorf("recorder: initrd: %w", err)
		}
		return link(p, r.dir, initrdFile)
	}
	if err := os.WriteFile(inDir(r.dir, initrdFile), initrd.Archive(initrd.Bits(r.kernel.Bits)), 0o600); err != nil {
		return fmt.Errorf("recorder: initrd: %w", err)
	}
	return nil
}

// layXen unpacks Xen: QEMU loads an ELF file.
func (r *run) layXen() error {
	if r.machine.Xen == "" {
		return nil
	}
	file, err := readFile(r.machine.Xen, maxKernelFile)
	if err != nil {
		return err
	}
	image, err := symbols.Unpack(file)
	if err != nil {
		return fmt.Errorf("recorder: %s: %w", r.machine.Xen, err)
	}
	if err := os.WriteFile(inDir(r.dir, xenFile), image, 0o600); err != nil {
		return fmt.Errorf("recorder: xen: %w", err)
	}
	return nil
}

// events boots twice, or once if two boots would differ.
func (r *run) events(ctx context.Context) (*events, error) {
	plugin := r.machine.pluginArguments()
	know := []string{}
	if r.machine.deterministic() {
		r.phase("first boot: which frames become tables")
		if _, err := r.boot(ctx, append(plugin, "learn="+learnedFile), nil); err != nil {
			return nil, err
		}
		know = append(know, "know="+learnedFile)
	}
	r.phase("recording")
	ev, err := newEvents(inDir(r.dir, "events"))
	if err != nil {
		return nil, err
	}
	late, err := r.boot(ctx, append(append(plugin, fmt.Sprintf("fd=%d", recordFD)), know...), ev)
	if err := errors.Join(err, ev.close()); err != nil {
		return nil, err
	}
	ev.late = late
	return ev, nil
}

// write puts the recording together.
func (r *run) write(ev *events, to, vmlinux string) (*Boot, error) {
	said, err := os.ReadFile(inDir(r.dir, consoleFile))
	if err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	c := readConsole(said, r.machine.Xen != "")
	b := &Boot{Ended: c.end(r.machine.Initrd == "", ev.late), Used: r.used}
	if len(ev.totals) == 0 {
		return nil, fmt.Errorf("recorder: QEMU ended without finishing the recording; the console's last words are %q", lastLine(said))
	}
	if len(c.e820) == 0 {
		return nil, fmt.Errorf("recorder: the boot has not shown the machine's memory map: %s; the console's last words are %q", b.Ended, lastLine(said))
	}
	t := newTail(r.kernel, ev)
	if vmlinux != "" {
		r.phase("reading lines of the source")
		if err := t.addLines(vmlinux); err != nil {
			return nil, err
		}
	}
	b.Totals = t.totals
	return b, ev.assemble(to, r.header(c, b.Ended), t)
}

// header is the recording's.
func (r *run) header(c *console, ended string) *kernel.Header {
	m := r.machine
	arch, passes := "i386", "1"
	if r.kernel.Bits == 64 {
		arch = "amd64"
	}
	if m.deterministic() {
		passes = "2"
	}
	h := &kernel.Header{E820: c.e820}
	for _, p := range []kernel.Pair{
		{Key: kernel.KeyBanner, Value: r.kernel.Banner}, {Key: kernel.KeySHA256, Value: r.kernel.sum}, {Key: kernel.KeyArch, Value: arch},
		{Key: kernel.KeyQEMU, Value: r.qemu.Version}, {Key: kernel.KeyCPU, Value: m.CPUName()},
		{Key: kernel.KeyMemory, Value: fmt.Sprint(m.Memory)}, {Key: kernel.KeySMP, Value: fmt.Sprint(m.SMP)},
		{Key: kernel.KeyPhysBits, Value: c.physBits}, {Key: kernel.KeyBugs, Value: c.bugs},
		{Key: kernel.KeyXen, Value: c.xen}, {Key: kernel.KeyCmdline, Value: m.CommandLine()},
		{Key: kernel.KeyPasses, Value: passes}, {Key: "outcome", Value: ended},
	} {
		if p.Value != "" {
			h.Pairs = append(h.Pairs, p)
		}
	}
	return h
}

// lastLine is the last line of the console that says something.
func lastLine(said []byte) string {
	lines := bytes.Split(bytes.TrimSpace(said), []byte{'\n'})
	return string(bytes.TrimSpace(lines[len(lines)-1]))
}
