package symbols

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"
)

// packing is a way to compress kernels (CONFIG_KERNEL_*).
type packing struct {
	name  string
	magic string
	open  func(io.Reader) (io.Reader, error)
}

// packings are those that the kernel's build knows (arch/x86/boot/compressed/Makefile).
// LZMA and LZO are refused by name: nothing that reads them is worth trusting here.
func packings() []packing {
	return []packing{
		{"gzip", "\x1f\x8b", openGzip},
		{"xz", "\xfd7zXZ\x00", openXZ},
		{"zstd", "\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxKernel))
		}},
		{"lz4", lz4Magic, newLZ4},
		{"bzip2", "BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
		{"lzma", "\x5d\x00\x00", nil},
		{"lzo", "\x89LZO\x00", nil},
	}
}

// Unpack is a file uncompressed if it is compressed in a way that kernels are, and as it is
// otherwise.
func Unpack(file []byte) ([]byte, error) {
	for _, p := range packings() {
		if bytes.HasPrefix(file, []byte(p.magic)) {
			return unpack(file, maxKernel)
		}
	}
	return file, nil
}

// unpack uncompresses a kernel. What follows the compressed data (its size, padding) is
// left alone. A result above most bytes is refused.
func unpack(data []byte, most int64) ([]byte, error) {
	for _, p := range packings() {
		switch {
		case !bytes.HasPrefix(data, []byte(p.magic)):
			continue
		case p.open == nil:
			return nil, fmt.Errorf("symbols: the kernel is compressed with %s, which is not supported: give the vmlinux", p.name)
		}
		r, err := p.open(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("symbols: the kernel cannot be uncompressed (%s): %w", p.name, err)
		}
		out, err := io.ReadAll(io.LimitReader(r, most+1))
		switch {
		case int64(len(out)) > most:
			return nil, fmt.Errorf("symbols: the kernel is larger than %d bytes when uncompressed (%s)", most, p.name)
		case err != nil && !endsWell(out, err):
			return nil, fmt.Errorf("symbols: the kernel cannot be uncompressed (%s): %w", p.name, err)
		}
		return out, nil
	}
	return nil, errors.New("symbols: this is no kernel: neither a bzImage, nor an ELF file, nor one compressed in a known way")
}

func openGzip(r io.Reader) (io.Reader, error) {
	z, err := gzip.NewReader(r)
	if err == nil {
		z.Multistream(false)
	}
	return z, err
}

func openXZ(r io.Reader) (io.Reader, error) {
	z, err := xz.NewReader(r, 0)
	if err == nil {
		z.Multistream(false)
	}
	return z, err
}

// endsWell reports whether an error comes from what a build appends to the compressed data
// (the size, four bytes), behind a whole kernel: the reader of zstd, which goes on, takes it
// for the head of another frame.
func endsWell(out []byte, err error) bool {
	return len(out) > 0 && errors.Is(err, zstd.ErrMagicMismatch)
}
