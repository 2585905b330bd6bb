package states

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
)

// File is a file of entries that is whole.
type File struct {
	// Name is its place in the working directory, Bytes its length.
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	CRC     uint32 `json:"crc32c"`
	Entries uint64 `json:"entries"`
}

// Damage says that a file is not what was written.
type Damage struct{ Name, Why string }

// Error implements error.
func (d *Damage) Error() string { return fmt.Sprintf("%s: %s", d.Name, d.Why) }

// newCRC begins a checksum.
func newCRC() hash.Hash32 { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

// Unique appends to a name what no other file has: a bundle that runs twice writes two
// files, and the one of which nobody is told is nobody's.
func Unique(name string) string { return name + "-" + rand.Text()[:13] }

// Writer writes a file of entries.
type Writer struct {
	file io.WriteCloser
	buf  *bufio.Writer
	crc  hash.Hash32
	pack packer
	out  File
}

// Create begins a file in a folder, under a name of its own that begins with name.
func Create(ctx context.Context, fs filesystem.Interface, dir, name string) (*Writer, error) {
	w := &Writer{crc: newCRC(), out: File{Name: Unique(name)}}
	var err error
	if w.file, err = fs.OpenWrite(ctx, Join(dir, w.out.Name)); err != nil {
		return nil, fmt.Errorf("states: %s: %w", w.out.Name, err)
	}
	w.buf = bufio.NewWriterSize(io.MultiWriter(w.file, w.crc), 1<<18)
	return w, nil
}

// Add appends an entry.
func (w *Writer) Add(e Entry) error {
	w.pack.add(e)
	w.out.Entries++
	w.out.Bytes += int64(len(w.pack.out))
	_, err := w.buf.Write(w.pack.out)
	w.pack.out = w.pack.out[:0]
	return err
}

// Close ends the file and says what it is. An error means that there is none.
func (w *Writer) Close() (File, error) {
	err := w.buf.Flush()
	if s, ok := w.file.(interface{ Sync() error }); ok && err == nil {
		err = s.Sync()
	}
	if err = errors.Join(err, w.file.Close()); err != nil {
		return File{}, fmt.Errorf("states: %s: %w", w.out.Name, err)
	}
	w.out.CRC = w.crc.Sum32()
	return w.out, nil
}

// Abandon closes a file that is not to be used.
func (w *Writer) Abandon() { _ = w.file.Close() }

// Join is the name of a file in a folder.
func Join(dir, name string) string { return dir + "/" + name }

// Reader reads a file of entries. Nothing of it may be believed before it has come to its end
// without an error: only then its checksum is known to be right.
type Reader struct {
	unpacker
	of   File
	file io.ReadCloser
	buf  *bufio.Reader
	crc  hash.Hash32
	done bool
}

// Open begins to read a file.
func Open(ctx context.Context, fs filesystem.Interface, dir string, f File) (*Reader, error) {
	r := &Reader{of: f, crc: newCRC()}
	var err error
	if r.file, err = fs.OpenRead(ctx, Join(dir, f.Name)); err != nil {
		return nil, fmt.Errorf("states: %s: %w", f.Name, err)
	}
	r.buf = bufio.NewReaderSize(io.TeeReader(r.file, r.crc), 1<<18)
	r.unpacker = unpacker{r: r.buf, left: f.Entries}
	return r, nil
}

// Next implements Source. Errors of what is in the file are of type [*Damage].
func (r *Reader) Next() (Entry, bool, error) {
	e, ok, err := r.unpacker.Next()
	if errors.Is(err, errCut) {
		return e, false, &Damage{r.of.Name, "the states in it are damaged"}
	}
	if ok || err != nil || r.done {
		return e, ok, err
	}
	r.done = true
	if n, err := io.Copy(io.Discard, r.buf); err != nil || n > 0 || r.crc.Sum32() != r.of.CRC {
		return e, false, &Damage{r.of.Name, "its checksum is wrong"}
	}
	return e, false, nil
}

// Drain reads to the end, for the checksum's sake.
func (r *Reader) Drain() error {
	for {
		if _, ok, err := r.Next(); !ok {
			return err
		}
	}
}

// Close ends reading.
func (r *Reader) Close() { _ = r.file.Close() }
