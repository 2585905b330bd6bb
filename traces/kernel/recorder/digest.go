package recorder

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/traces/kernel/symbols"
)

// maxKernelFile bounds a kernel's file. A vmlinux with debug data has some 800 MB.
const maxKernelFile = 2 * GiB

// booted is a kernel to be booted.
type booted struct {
	*symbols.Digest
	sum string // SHA-256 of its file
}

// digestForm is the version of kept digests: they are made anew when it changes.
const digestForm = "2"

// openKernel reads a kernel's file. What takes seconds to find is kept in the user's cache.
func openKernel(path string) (*booted, error) {
	file, err := readFile(path, maxKernelFile)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(file)
	k := &booted{sum: hex.EncodeToString(sum[:])}
	kept := ""
	if cache, err := os.UserCacheDir(); err == nil {
		kept = filepath.Join(cache, "ptcheck", "kernels", k.sum+"."+digestForm)
	}
	if b, err := os.ReadFile(kept); err == nil && gob.NewDecoder(bytes.NewReader(b)).Decode(&k.Digest) == nil {
		return k, nil
	}
	img, err := symbols.Open(file)
	if err != nil {
		return nil, fmt.Errorf("recorder: %s: %w", path, err)
	}
	k.Digest = img.Digest()
	var b bytes.Buffer
	if kept != "" && gob.NewEncoder(&b).Encode(k.Digest) == nil {
		wholefile.Write(kept, b.Bytes()) // if it cannot be kept it is made again
	}
	return k, nil
}

// readFile reads a file that is not too large.
func readFile(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("recorder: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("recorder: %s: it is no file", path)
	case info.Size() > most:
		return nil, fmt.Errorf("recorder: %s: it has %d bytes; at most %d are read", path, info.Size(), most)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	return b, nil
}
