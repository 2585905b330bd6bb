package xenlab

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// XenEnv names the environment variable with the path of a Xen image.
const XenEnv = "PTCHECK_XEN"

// The Debian package with the Xen that is asked when XenEnv is not set.
const (
	xenPackage = "xen-hypervisor-4.17-amd64"
	xenInside  = "boot/xen-4.17-amd64.gz"
)

// Tools is where the things are that a run needs.
type Tools struct {
	QEMU  string // qemu-system-x86_64
	GCC   string
	Xen   string // an uncompressed ELF image
	Cache string // folder for what is built and unpacked
}

// FindXen locates QEMU, gcc and a Xen image: the one named by XenEnv, or that
// of Debian's package, which is downloaded and unpacked into the user's cache,
// never installed. If something is missing the error is a *MissingError that
// names all of it.
func FindXen(ctx context.Context) (*Tools, error) {
	t := &Tools{Cache: cacheDir()}
	if err := os.MkdirAll(t.Cache, 0o755); err != nil {
		return nil, fmt.Errorf("oracle: cache: %w", err)
	}
	var missing MissingError
	program := func(name, install string) string {
		path, err := exec.LookPath(name)
		if err != nil {
			missing.Items = append(missing.Items, Missing{name, "not in PATH", install})
		}
		return path
	}
	t.QEMU = program("qemu-system-x86_64", "apt-get install qemu-system-x86")
	t.GCC = program("gcc", "apt-get install gcc")
	var err error
	if t.Xen, err = findImage(ctx, t.Cache); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("oracle: find Xen: %w", ctx.Err())
		}
		missing.Items = append(missing.Items, Missing{"Xen image", err.Error(),
			"set " + XenEnv + " to an uncompressed Xen, or make `apt-get update` and `apt-get download " + xenPackage + "` work"})
	}
	if len(missing.Items) > 0 {
		return nil, &missing
	}
	return t, nil
}

func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "ptcheck", "oracle")
}

// findImage returns the path of an uncompressed Xen image.
func findImage(ctx context.Context, cache string) (string, error) {
	if path := os.Getenv(XenEnv); path != "" {
		return uncompressed(path, cache)
	}
	image := filepath.Join(cache, xenPackage+".elf")
	if _, err := os.Stat(image); err == nil {
		return image, nil
	}
	if err := unpackPackage(ctx, image); err != nil {
		return "", err
	}
	return image, nil
}

// uncompressed returns path itself, or the path of an unpacked copy in the
// cache when the file is a gzip.
func uncompressed(path, cache string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	switch {
	case bytes.HasPrefix(data, []byte("\x7fELF")):
		return filepath.Abs(path)
	case !bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		return "", fmt.Errorf("%s is neither an ELF file nor a gzip", path)
	}
	sum := sha256.Sum256(data)
	image := filepath.Join(cache, fmt.Sprintf("xen-%x.elf", sum[:8]))
	return image, gunzip(data, image)
}

// unpackPackage downloads the package and puts its Xen at image.
func unpackPackage(ctx context.Context, image string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp(filepath.Dir(image), "unpack-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := runIn(ctx, dir, "apt-get", "download", xenPackage); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) == 0 {
		return errors.New("apt-get download left no package")
	}
	if err := runIn(ctx, dir, "dpkg", "-x", debs[0], "."); err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, xenInside))
	if err != nil {
		return err
	}
	return gunzip(data, image)
}

// gunzip writes the contents of a gzip to a file, all or nothing.
func gunzip(data []byte, to string) error {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(to), err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(to), err)
	}
	return writeFile(to, plain)
}

// writeFile writes a file under a temporary name first, so that nobody who
// shares the cache sees half of it.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// runIn runs a program in a folder; its output is part of the error.
func runIn(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, lastLine(out))
	}
	return nil
}

func lastLine(text []byte) []byte {
	text = bytes.TrimSpace(text)
	return text[bytes.LastIndexByte(text, '\n')+1:]
}
