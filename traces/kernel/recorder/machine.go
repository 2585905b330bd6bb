package recorder

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Sizes and addresses of the machine.
const (
	MiB       = 1 << 20
	GiB       = 1 << 30
	pageBytes = 4096

	// lowMemory is how much memory lies below the hole under 4 GiB; the rest is above it.
	lowMemory = 3 * GiB
	hole      = GiB
)

// Machine is what is booted, and on what.
type Machine struct {
	Kernel  string // path of a bzImage or vmlinux
	Initrd  string // path; "": ptcheck's own
	Append  string // more of the kernel's command line
	CPU     string // QEMU's name of a processor; "": qemu64
	Memory  uint64 // bytes
	SMP     int    // processors
	Xen     string // path of a Xen, compressed or not; "": none
	XenArgs string // more of Xen's command line
}

// CPUName is the processor's name for QEMU.
func (m *Machine) CPUName() string {
	if m.CPU == "" {
		return "qemu64"
	}
	return m.CPU
}

// frames is the size of physical memory in pages, its hole included.
func (m *Machine) frames() uint64 {
	size := m.Memory
	if size > lowMemory {
		size += hole
	}
	return size / pageBytes
}

// deterministic reports whether the machine has a clock that counts instructions. With
// several processors QEMU then lets each run for so long that kernels wait for ever.
func (m *Machine) deterministic() bool { return m.SMP == 1 }

// CommandLine is the kernel's command line: all that it says goes to the console, and it
// ends when it dies.
func (m *Machine) CommandLine() string {
	console := "console=ttyS0"
	if m.Xen != "" {
		console = "console=hvc0"
	}
	return join(console, "ignore_loglevel panic=-1", m.Append)
}

// XenCommandLine is that of Xen. The domain gets half of the memory.
func (m *Machine) XenCommandLine() string {
	return join(fmt.Sprintf("com1=115200,8n1 console=com1 dom0_mem=%dM noreboot=0", m.Memory/2/MiB), m.XenArgs)
}

func join(words ...string) string {
	return strings.TrimRight(strings.Join(words, " "), " ")
}

// Names of files in the folder of a boot: QEMU cuts some of its arguments at commas and
// blanks, so that it gets short names.
const (
	kernelFile  = "kernel"
	initrdFile  = "initrd"
	xenFile     = "xen"
	learnedFile = "learned"
	pluginFile  = "ptrec.so"
	consoleFile = "console"
)

// arguments are QEMU's, for a boot in a folder with the files above. plugin are the
// arguments of the plugin, nil to boot without it.
func (m *Machine) arguments(plugin []string) []string {
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", fmt.Sprintf("pc,max-ram-below-4g=%d", lowMemory),
		"-accel", "tcg,thread=single", "-seed", "1",
		"-cpu", m.CPUName(), "-smp", fmt.Sprint(m.SMP), "-m", fmt.Sprint(m.Memory / MiB),
		"-serial", "file:" + consoleFile,
	}
	if m.deterministic() {
		// 8 ns an instruction: the delays that a kernel counts in time are short then.
		args = append(args, "-icount", "shift=3,sleep=off", "-rtc", "clock=vm,base=2020-01-01")
	}
	if m.Xen == "" {
		args = append(args, "-kernel", kernelFile, "-initrd", initrdFile, "-append", m.CommandLine())
	} else {
		module := kernelFile + " " + strings.ReplaceAll(m.CommandLine(), ",", ",,") + "," + initrdFile
		args = append(args, "-kernel", xenFile, "-append", m.XenCommandLine(), "-initrd", module)
	}
	if plugin != nil {
		args = append(args, "-plugin", strings.Join(append([]string{"./" + pluginFile}, plugin...), ","))
	}
	return args
}

// pluginArguments are those that say what machine it is.
func (m *Machine) pluginArguments() []string {
	args := []string{fmt.Sprintf("frames=%d", m.frames()), fmt.Sprintf("low-end=%d", lowMemory)}
	if m.Xen != "" {
		args = append(args, "xen=on")
	}
	return args
}

// inDir is the path of one of the files above.
func inDir(dir, name string) string { return filepath.Join(dir, name) }
