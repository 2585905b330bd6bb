package image

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// PageSize is the size of a frame in bytes.
const PageSize = 1 << PageShift

// PageShift is its base-2 logarithm.
const PageShift = 12

// Page is the contents of a frame.
type Page [PageSize]byte

// Presence says what an image has of a frame.
type Presence uint8

// What an image has of a frame.
const (
	Absent   Presence = iota // nothing: the machine has no memory there, as far as the image tells
	Excluded                 // the machine has it; whoever made the image left it out
	Stored                   // its contents
)

// Image is the memory of a machine at one moment.
type Image struct {
	Name string // of its file
	Form string // what kind of image it is, such as "QEMU ELF dump"
	// Long says that the machine runs in long mode: 64-bit.
	Long bool
	// Whole says that the image knows all memory of the machine: what it has not is
	// none. Dumps of a kernel about itself know only what it manages.
	Whole bool
	// Live says that the machine goes on running while it is read.
	Live bool
	CPUs []CPU      // empty if the image tells nothing of them
	Info VMCoreInfo // nil if the kernel left none

	mem    memory
	closer io.Closer
}

// memory is where frames come from.
type memory interface {
	// page says what there is of a frame; where that is Stored, dst, if not nil, gets
	// its contents.
	page(frame uint64, dst *Page) (Presence, error)
	// ranges lists the memory that the machine has, ascending by the first frame.
	ranges() []Range
}

// Range is a run of frames.
type Range struct {
	First, Count uint64
}

// Open opens an image. The error says in a line what is wrong with the file.
func Open(name string) (*Image, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	m, err := openFile(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	m.closer = f
	return m, nil
}

func openFile(f *os.File) (*Image, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("image: %s: is a folder", f.Name())
	}
	size := info.Size()
	// The size of a file of /proc says nothing about its contents.
	live := strings.HasSuffix(f.Name(), "/kcore") && strings.HasPrefix(f.Name(), "/proc")
	if live {
		size = unknownSize
	}
	m, err := Read(f.Name(), f, size)
	if err == nil && live {
		m.Form, m.Live = "/proc/kcore", true
	}
	return m, err
}

// unknownSize is a size beyond that of all files.
const unknownSize = 1<<63 - 1

// Read reads an image of size bytes that lies in r. It keeps r.
func Read(name string, r io.ReaderAt, size int64) (*Image, error) {
	var magic [16]byte
	n, err := r.ReadAt(magic[:], 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("image: %s: %w", name, err)
	}
	m := &Image{Name: name}
	switch head := string(magic[:n]); {
	case strings.HasPrefix(head, "\x7fELF"):
		err = m.readELF(r, size)
	case strings.HasPrefix(head, kdumpMagic):
		err = m.readKdump(r, size)
	case strings.HasPrefix(head, flatMagic):
		var flat *flattened
		if flat, err = readFlattened(r, size); err == nil {
			if err = m.readKdump(flat, flat.size()); err == nil {
				m.Form += ", flattened"
			}
		}
	default:
		err = errors.New(foreign(head))
	}
	if err != nil {
		return nil, fmt.Errorf("image: %s: %w", name, err)
	}
	return m, nil
}

// Sniff reports whether a file begins like a memory image, which Open may refuse all
// the same.
func Sniff(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [16]byte
	n, _ := io.ReadFull(f, magic[:])
	head := string(magic[:n])
	return strings.HasPrefix(head, "\x7fELF") || strings.HasPrefix(head, kdumpMagic) || strings.HasPrefix(head, flatMagic) || known(head) != ""
}

// known names other kinds of images by their first bytes, "" if it is none.
func known(head string) string {
	for magic, name := range map[string]string{
		"PAGEDU64": "a Windows crash dump", "PAGEDUMP": "a Windows crash dump", "DISKDUMP": "an old diskdump",
		"EMiL": "a LiME image", "QEVM": "a saved state of QEMU (savevm, migrate)", "\x1f\x8b": "compressed with gzip",
		"\x28\xb5\x2f\xfd": "compressed with zstd", "\xfd7zXZ": "compressed with xz",
	} {
		if strings.HasPrefix(head, magic) {
			return name
		}
	}
	return ""
}

// foreign says why a file that begins with head is none of ours.
func foreign(head string) string {
	what := "not a memory image"
	if k := known(head); k != "" {
		what = k + ", which is not read"
	}
	return what + ": want an ELF core (QEMU's dump-guest-memory, a vmcore, /proc/kcore) or makedumpfile's compressed form"
}

// Close closes the image's file.
func (m *Image) Close() error {
	if m.closer == nil {
		return nil
	}
	return m.closer.Close()
}

// Page reads a frame; dst is changed only where the answer is Stored.
func (m *Image) Page(frame uint64, dst *Page) (Presence, error) {
	p, err := m.mem.page(frame, dst)
	if err != nil {
		return p, fmt.Errorf("image: %s: frame %#x: %w", m.Name, frame, err)
	}
	return p, nil
}

// Has says what the image has of a frame.
func (m *Image) Has(frame uint64) (Presence, error) { return m.mem.page(frame, nil) }

// Ranges lists the memory that the machine has, ascending; ranges may overlap where an
// image has something twice.
func (m *Image) Ranges() []Range { return m.mem.ranges() }

// Memory is how many bytes of memory the image has.
func (m *Image) Memory() uint64 {
	var sum, end uint64
	for _, r := range m.Ranges() {
		first := max(r.First, end)
		if r.First+r.Count > first {
			sum += r.First + r.Count - first
			end = r.First + r.Count
		}
	}
	return sum << PageShift
}
