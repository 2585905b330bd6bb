// Package initrd makes the initial ramdisk that a kernel boots with when it is watched:
// one static program of a few hundred bytes, /init, which is generated here. It lets the
// kernel do what processes make it do to page tables, and ends the machine.
package initrd

import (
	"bytes"
	"fmt"
)

// Bits says for which kernels an initrd is.
type Bits int

// The two kinds of x86 kernels.
const (
	I386  Bits = 32
	AMD64 Bits = 64
)

// Modes of files: their type and permissions (see inode(7)).
const (
	directory = 0o040755
	program   = 0o100755
	charDev   = 0o020600
)

// Archive is an initrd: a cpio archive in the form "newc" (the kernel's
// Documentation/driver-api/early-userspace/buffer-format.rst), uncompressed.
func Archive(b Bits) []byte {
	var a archive
	a.add("dev", directory, nil, 0, 0)
	a.add("dev/console", charDev, nil, 5, 1)
	a.add("proc", directory, nil, 0, 0)
	a.add("init", program, Init(b), 0, 0)
	a.add("TRAILER!!!", 0, nil, 0, 0)
	return a.out.Bytes()
}

// archive is a cpio archive in the making.
type archive struct {
	out   bytes.Buffer
	inode int
}

// add appends a file; major and minor are the numbers of a device.
func (a *archive) add(name string, mode int, data []byte, major, minor int) {
	a.inode++
	fmt.Fprint(&a.out, "070701")
	for _, v := range []int{a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name) + 1, 0} {
		fmt.Fprintf(&a.out, "%08x", v)
	}
	a.out.WriteString(name + "\x00")
	a.pad()
	a.out.Write(data)
	a.pad()
}

// pad fills up to a multiple of four bytes.
func (a *archive) pad() {
	for a.out.Len()%4 != 0 {
		a.out.WriteByte(0)
	}
}
