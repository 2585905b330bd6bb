package golden

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// maxFileSize is the largest text, unpacked, that is read, in bytes.
const maxFileSize = 64 << 20

// ReadConfig reads a configuration from data, the contents of the file called
// name: either a bare config object (what it leaves out has the values that
// [Keys] tell; derived values must agree with the formulas if they are there)
// or a whole golden dump, which is then checked as a whole. Both may be
// gzip-compressed. The error, if any, is an *Error or joins several.
func ReadConfig(name string, data []byte) (*Config, error) {
	return ReadConfigOn(name, data, Machine{})
}

// ReadConfigOn is ReadConfig of a configuration of which something is known from
// elsewhere: what it says itself counts more, and what neither says has the values that
// [Keys] tell. A dump says everything itself.
func ReadConfigOn(name string, data []byte, m Machine) (*Config, error) {
	root, text, err := parseAny(name, data)
	if err != nil {
		return nil, err
	}
	r := &reader{file: name}
	if root.kind == kindObject && (slices.Contains(root.keys, "format") || slices.Contains(root.keys, "config")) {
		file := r.wholeFile(root)
		if r.failed() {
			return nil, r.refusal(root, text)
		}
		return &file.Config, nil
	}
	r.all = true
	c := r.config("", root, true, m)
	if r.failed() {
		return nil, r.refusal(root, text)
	}
	return &c, nil
}

// Read reads the golden dump in the file at path, plain or gzip-compressed.
// The error, if any, is an *Error.
func Read(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, ioError(path, err)
	}
	// Nothing was written, so closing cannot lose anything.
	defer func() { _ = f.Close() }()
	data, err := readLimited(f)
	if err != nil {
		return nil, ioError(path, err)
	}
	return Decode(path, data)
}

// Decode is [Read] for data already in memory; name is used in errors. A name
// that ends in ".gz" must be gzip-compressed.
func Decode(name string, data []byte) (*File, error) {
	root, text, err := parseAny(name, data)
	if err != nil {
		return nil, err
	}
	r := &reader{file: name}
	file := r.wholeFile(root)
	if r.failed() {
		return nil, r.refusal(root, text)
	}
	return file, nil
}

// parseAny unpacks data if it is compressed, and parses it; text is what was parsed.
func parseAny(name string, data []byte) (root *node, text []byte, err error) {
	if len(data) == 0 {
		return nil, nil, &Error{File: name, Reason: "empty file"}
	}
	packed := bytes.HasPrefix(data, []byte{0x1f, 0x8b})
	if !packed && strings.HasSuffix(name, ".gz") {
		return nil, nil, &Error{File: name, Reason: "not gzip data, though the name ends in .gz"}
	}
	if packed {
		text, err := gunzip(data)
		if err != nil {
			return nil, nil, &Error{File: name, Reason: "gzip: " + err.Error(), Err: err}
		}
		data = text
	}
	root, err = parseJSON(name, data)
	return root, data, err
}

// gunzip unpacks data, which must be whole and have nothing after it.
func gunzip(data []byte) ([]byte, error) {
	in := bytes.NewReader(data)
	zr, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("corrupt header: %w", err)
	}
	zr.Multistream(false)
	text, err := readLimited(zr)
	if err != nil {
		return nil, fmt.Errorf("truncated or corrupt: %w", err)
	}
	if in.Len() > 0 {
		return nil, fmt.Errorf("%d bytes of trailing garbage", in.Len())
	}
	return text, nil
}

// readLimited reads all of r, but not more than maxFileSize bytes.
func readLimited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("larger than %d bytes", maxFileSize)
	}
	return data, nil
}

// ioError wraps an I/O error without repeating the path.
func ioError(path string, err error) *Error {
	reason := err.Error()
	var pe *os.PathError
	if errors.As(err, &pe) {
		reason = pe.Op + ": " + pe.Err.Error()
	}
	return &Error{File: path, Reason: reason, Err: err}
}
