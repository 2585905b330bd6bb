package explore

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"time"
)

// manifestName is the file that makes a directory a checkpoint. It is replaced in one step, and names the
// segments that belong to it.
const manifestName = "checkpoint.json"

// manifestFormat changes when older programs can no longer read what newer ones write, or the reverse.
const manifestFormat = 3

// manifest is a search at the end of a round, except for the states, which are in the segments.
type manifest struct {
	Format      int            `json:"format"`
	Question    []Setting      `json:"question"`
	Program     string         `json:"program"`
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
func (m *manifest) write(fs fileSystem, dir string) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("explore: checkpoint: %w", err)
	}
	text, err := json.Marshal(sealed{crc32.Checksum(body, castagnoli), body})
	if err != nil {
		return fmt.Errorf("explore: checkpoint: %w", err)
	}
	return replaceFile(fs, dir, manifestName, func(f file) error { return writeAll(f, append(text, '\n')) })
}

// readManifest reads the manifest in dir. If there is none, the error is fs.ErrNotExist.
func readManifest(files fileSystem, dir string) (*manifest, error) {
	name := filepath.Join(dir, manifestName)
	text, err := readFile(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("explore: resume: there is no checkpoint in %s: %w", dir, fs.ErrNotExist)
	}
	if err != nil {
		return nil, &fileError{"resume", err}
	}
	broken := func(why string) error { return &fileError{"resume", damaged(name, "%s", why)} }
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, broken(err.Error())
	}
	if crc32.Checksum(s.Body, castagnoli) != s.CRC {
		return nil, broken("wrong checksum")
	}
	m := new(manifest)
	if err := json.Unmarshal(s.Body, m); err != nil {
		return nil, broken(err.Error())
	}
	if m.Format != manifestFormat {
		return nil, refuse("resume", fmt.Sprintf("the checkpoint has format %d, this program reads format %d only", m.Format, manifestFormat))
	}
	return m, nil
}

// readFile reads a whole file.
func readFile(files fileSystem, name string) ([]byte, error) {
	f, err := files.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, info.Size())
	return text, readAll(f, name, text, 0)
}

// replaceFile makes a file in dir that either is complete or is not there, whatever happens meanwhile.
func replaceFile(files fileSystem, dir, name string, fill func(file) error) error {
	temp := filepath.Join(dir, name+".new")
	err := files.remove(temp) // of a run that was killed
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	var f file
	if err == nil {
		f, err = files.create(temp)
	}
	if err != nil {
		return &fileError{"checkpoint", err}
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = files.rename(temp, filepath.Join(dir, name))
	}
	if err == nil {
		err = files.sync(dir)
	}
	if err != nil {
		_ = files.remove(temp) // the first error is the one to tell
		return &fileError{"checkpoint", err}
	}
	return nil
}
