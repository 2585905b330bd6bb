package recorder

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
)

// QEMUEnv names the environment variable with the path of QEMU.
const QEMUEnv = "PTCHECK_QEMU"

// QEMU is the emulator that boots kernels.
type QEMU struct {
	Path    string
	Version string // such as "7.2.22"
	API     int    // of its plugins
}

// FindQEMU finds QEMU: the one that QEMUEnv names, or qemu-system-x86_64.
func FindQEMU(ctx context.Context) (*QEMU, error) {
	name := "qemu-system-x86_64"
	if v := os.Getenv(QEMUEnv); v != "" {
		name = v
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, &MissingError{"there is no " + name, "apt-get install qemu-system-x86, or set " + QEMUEnv}
	}
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("recorder: %s --version: %w: %s", path, err, firstLine(out))
	}
	q := &QEMU{Path: path}
	if q.Version, q.API, err = version(string(out)); err != nil {
		return nil, fmt.Errorf("recorder: %s: %w", path, err)
	}
	return q, nil
}

// version reads what QEMU says of its version, and tells which API its plugins have: each
// QEMU takes those of one version and of a few before (QEMU_PLUGIN_MIN_VERSION).
func version(said string) (v string, api int, err error) {
	m := regexp.MustCompile(`version ((\d+)\.(\d+)\.\d+)`).FindStringSubmatch(said)
	if m == nil {
		return "", 0, fmt.Errorf("it does not say its version: %.60q", said)
	}
	major, _ := strconv.Atoi(m[2]) // digits
	minor, _ := strconv.Atoi(m[3])
	switch n := major*100 + minor; {
	case n < 602:
		return "", 0, fmt.Errorf("it is of version %s; want 6.2 or later", m[1])
	case n < 802:
		return m[1], 1, nil
	case n < 902:
		return "", 0, fmt.Errorf("it is of version %s, whose plugins nobody has tried; want 6.2 to 8.1, or 9.2 or later", m[1])
	}
	return m[1], 4, nil
}
