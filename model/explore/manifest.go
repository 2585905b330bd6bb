package explore

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// manifestName is the file that makes a directory a checkpoint. It is replaced in one step, and names the
// segments that belong to it.
const manifestName = "checkpoint.json"

// manifestFormat changes when older programs can no longer read what newer ones write, or the reverse.
const manifestFormat = 1

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// manifest is a search at the end of a round, except for the states, which are in the segments.
type manifest struct {
	Format      int            `json:"format"`
	System      string         `json:"system"`
	Scope       string         `json:"scope"`
	Rules       string         `json:"rules"`
	StateSize   int            `json:"state_size"` // 0: it varies
	Symmetry    bool           `json:"symmetry"`
	FindAll     bool           `json:"find_all"`
	States      uint64         `json:"states"`
	Buried      uint64         `json:"buried"` // states that broke a rule
	Roots       uint64         `json:"roots"`
	Next        uint64         `json:"next"`
	Depth       int            `json:"depth"`
	PerDepth    []uint64       `json:"per_depth"`
	Transitions uint64         `json:"transitions"`
	Skipped     uint64         `json:"skipped"`
	Counters    []uint64       `json:"counters,omitempty"`
	ParentBits  uint64         `json:"parent_bits"`
	Findings    []savedFinding `json:"findings,omitempty"`
	Segments    []segment      `json:"segments"`
	Elapsed     time.Duration  `json:"elapsed_ns"`
}

// savedFinding is a found in a manifest.
type savedFinding struct {
	Kind   Kind   `json:"kind"`
	Rule   int16  `json:"rule"`
	Depth  int    `json:"depth"`
	Init   bool   `json:"init"`
	Parent uint64 `json:"parent"`
	State  bool   `json:"state"`
	Call   uint32 `json:"call"`
}

// segment is a file with what was new at one checkpoint: states, words of the parents, buried states.
type segment struct {
	Name      string `json:"name"`
	Bytes     uint64 `json:"bytes"`
	CRC       uint32 `json:"crc32c"`
	States    uint64 `json:"states"`
	FirstWord uint64 `json:"first_word"`
	Words     uint64 `json:"words"`
	Buried    uint64 `json:"buried"`
}

// sealed is a manifest with its checksum, as it is in the file.
type sealed struct {
	CRC  uint32          `json:"crc32c"`
	Body json.RawMessage `json:"checkpoint"`
}

// write puts the manifest into dir in place of the one that is there.
func (m *manifest) write(dir string) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("explore: checkpoint: %w", err)
	}
	file, err := json.Marshal(sealed{crc32.Checksum(body, castagnoli), body})
	if err != nil {
		return fmt.Errorf("explore: checkpoint: %w", err)
	}
	return replaceFile(dir, manifestName, func(f *os.File) error { _, err := f.Write(append(file, '\n')); return err })
}

// readManifest reads the manifest in dir. If there is none, the error is fs.ErrNotExist.
func readManifest(dir string) (*manifest, error) {
	file, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("explore: resume: there is no checkpoint in %s: %w", dir, fs.ErrNotExist)
		}
		return nil, fmt.Errorf("explore: resume: %w", err)
	}
	var s sealed
	if err := json.Unmarshal(file, &s); err != nil {
		return nil, fmt.Errorf("explore: resume: %s is damaged: %w", manifestName, err)
	}
	if crc32.Checksum(s.Body, castagnoli) != s.CRC {
		return nil, fmt.Errorf("explore: resume: %s is damaged: wrong checksum", manifestName)
	}
	m := new(manifest)
	if err := json.Unmarshal(s.Body, m); err != nil {
		return nil, fmt.Errorf("explore: resume: %s is damaged: %w", manifestName, err)
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("explore: resume: the checkpoint has format %d, this program reads %d", m.Format, manifestFormat)
	}
	return m, nil
}

// replaceFile makes a file in dir that either is complete or is not there, whatever happens meanwhile.
func replaceFile(dir, name string, fill func(*os.File) error) error {
	temp := filepath.Join(dir, name+".new")
	f, err := os.Create(temp)
	if err != nil {
		return fmt.Errorf("explore: checkpoint: %w", err)
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(temp, filepath.Join(dir, name))
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("explore: checkpoint: %w", err)
	}
	return nil
}

// syncDir makes renames in dir last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}
