package initrd

import "encoding/binary"

// Up and Done are what the program says on the console when it begins and when all its
// work is done.
const (
	Up   = "ptcheck: the kernel has booted\n"
	Done = "ptcheck: processes have come and gone\n"
)

// Forks is how many processes the program makes, one after the other.
const Forks = 20

// CPUInfo is the file that the program copies to the console before it says Done: it has
// the kernel's view of the processor.
const CPUInfo = "/proc/cpuinfo"

// Places of the program in memory.
const (
	textStart = 0x400000
	dataStart = 0x600000
	pageSize  = 0x1000
)

// What the program maps, and where.
const (
	mapStart  = 0x10000000
	mapLength = 0x800000 // more than a table of either kind spans
	touchStep = 0x10000
)

// mostContent is how much is read of a file.
const mostContent = 1 << 13

// Constants of Linux (uapi/asm-generic/mman-common.h, linux/reboot.h).
const (
	protRead, protWrite           = 1, 2
	mapPrivate, mapFixed, mapAnon = 2, 0x10, 0x20
	rebootMagic1, rebootMagic2    = -18751827, 672274793 // 0xfee1dead, 0x28121969
	rebootRestart                 = 0x01234567
	stdout, anyChild              = 1, -1
)

// calls are the numbers of system calls (arch/x86/entry/syscalls).
type calls struct {
	getpid, read, write, open, mount, fork, exec, exit, wait, mmap, mprotect, munmap, reboot, pause int32
}

func callsOf(b Bits) calls {
	if b == AMD64 {
		return calls{getpid: 39, read: 0, write: 1, open: 2, mount: 165, fork: 57, exec: 59, exit: 60, wait: 61, mmap: 9, mprotect: 10, munmap: 11, reboot: 169, pause: 34}
	}
	return calls{getpid: 20, read: 3, write: 4, open: 5, mount: 21, fork: 2, exec: 11, exit: 1, wait: 114, mmap: 192, mprotect: 125, munmap: 91, reboot: 88, pause: 29}
}

// data is the program's data segment: what is there at the start, and where things lie.
type data struct {
	bits  Bits
	bytes []byte

	left, step, fd, size             int32 // words: processes and pages to come, a file, what was read of it
	up, done, name, argv             int32
	proc, procType, cpuInfo, content int32
}

// place appends bytes, aligned to 8, and returns their address.
func (d *data) place(b []byte) int32 {
	for len(d.bytes)%8 != 0 {
		d.bytes = append(d.bytes, 0)
	}
	at := dataStart + int32(len(d.bytes))
	d.bytes = append(d.bytes, b...)
	return at
}

// word is a word of the machine in bytes.
func (d *data) word(v int32) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(v))[:d.bits/8]
}

func newData(b Bits) *data {
	d := &data{bits: b}
	d.left, d.step, d.fd, d.size = d.place(d.word(Forks)), d.place(d.word(0)), d.place(d.word(0)), d.place(d.word(0))
	d.up, d.done, d.name = d.place([]byte(Up)), d.place([]byte(Done)), d.place([]byte("/init\x00"))
	d.proc, d.procType, d.cpuInfo = d.place([]byte("/proc\x00")), d.place([]byte("proc\x00")), d.place([]byte(CPUInfo+"\x00"))
	child := d.place([]byte("child\x00"))
	d.argv = d.place(append(append(d.word(d.name), d.word(child)...), d.word(0)...))
	d.content = d.place(make([]byte, mostContent))
	return d
}

// Init is the program: an ELF file for kernels of a kind. It says Up, and then Forks times
// makes a process that maps memory, touches it, changes and unmaps it, and starts the program
// anew, which ends at once because it is not the first process. At last it says Done and restarts the
// machine, which ends QEMU.
func Init(b Bits) []byte {
	a, d, n := &asm{bits: b}, newData(b), callsOf(b)
	a.call(n.getpid)
	a.emit(0x83, 0xf8, 0x01) // cmp eax, 1
	first := a.forward(ifZero)
	a.call(n.exit, 0)
	first()
	a.call(n.write, stdout, d.up, int32(len(Up)))
	again := len(a.code)
	a.call(n.fork)
	a.testAX()
	parent := a.forward(ifNotZero)
	a.child(d, n)
	parent()
	a.call(n.wait, anyChild, 0, 0, 0)
	a.decrement(d.left)
	a.jump(ifNotZero, again)
	a.copyCPUInfo(d, n)
	a.call(n.write, stdout, d.done, int32(len(Done)))
	a.call(n.reboot, rebootMagic1, rebootMagic2, rebootRestart, 0)
	stay := len(a.code)
	a.call(n.pause)
	a.emit(0x31, 0xc0) // xor eax, eax
	a.jump(ifZero, stay)
	return executable(b, a.code, d.bytes)
}

// copyCPUInfo copies the file to the console.
func (a *asm) copyCPUInfo(d *data, n calls) {
	a.call(n.mount, d.procType, d.proc, d.procType, 0, 0)
	a.call(n.open, d.cpuInfo, 0, 0)
	a.store(d.fd, ax)
	a.set(a.arg(1), d.content)
	a.set(a.arg(2), mostContent)
	a.load(a.arg(0), d.fd)
	a.trap(n.read)
	a.store(d.size, ax)
	a.set(a.arg(0), stdout)
	a.set(a.arg(1), d.content)
	a.load(a.arg(2), d.size)
	a.trap(n.write)
}

// child is what a process does.
func (a *asm) child(d *data, n calls) {
	a.call(n.mmap, mapStart, mapLength, protRead|protWrite, mapPrivate|mapFixed|mapAnon, -1, 0)
	a.touch(d)
	a.call(n.mprotect, mapStart, mapLength/2, protRead)
	a.call(n.munmap, mapStart+mapLength/4, mapLength/2)
	a.call(n.exec, d.name, d.argv, 0)
	a.call(n.exit, 1)
}

// touch stores to one page in sixteen of what was mapped.
func (a *asm) touch(d *data) {
	r := a.arg(0)
	a.set(r, mapLength/touchStep)
	a.store(d.step, r)
	a.set(r, mapStart)
	loop := len(a.code)
	if a.bits == AMD64 {
		a.emit(0xc6, 0x07, 1)    // mov byte [rdi], 1
		a.emit(0x48, 0x81, 0xc7) // add rdi, touchStep
	} else {
		a.emit(0xc6, 0x03, 1) // mov byte [ebx], 1
		a.emit(0x81, 0xc3)    // add ebx, touchStep
	}
	a.word(touchStep)
	a.decrement(d.step)
	a.jump(ifNotZero, loop)
}
