//go:build !linux

package recorder

import (
	"os"
	"syscall"
)

// terminate ends QEMU: what else there is differs between systems.
var terminate = os.Kill

func dieWithUs() *syscall.SysProcAttr { return nil }
