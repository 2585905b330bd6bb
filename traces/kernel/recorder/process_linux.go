package recorder

import "syscall"

// terminate asks QEMU to end.
const terminate = syscall.SIGTERM

// dieWithUs has a program killed when ptcheck is, in whatever way.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
