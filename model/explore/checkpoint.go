package explore

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"time"
)

// saver writes checkpoints of a search. Each adds one segment with what is new since the one before, and
// then a manifest that names it: until that is in place, the one before is valid.
type saver struct {
	fs      fileSystem
	dir     string
	program string
	unlock  func()
	last    time.Time
	done    manifest // as it was last written
}

// newSaver takes possession of the directory. Without resume, it must hold no checkpoint.
func newSaver(opt Options) (*saver, error) {
	v := &saver{fs: opt.files, dir: opt.Checkpoint, program: opt.Program, unlock: func() {}, last: time.Now()}
	if v.program == "" {
		var err error
		if v.program, err = ThisProgram(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(v.dir, 0o777); err != nil {
		return nil, &fileError{"checkpoint", err}
	}
	unlock, err := lockDir(v.dir)
	switch {
	case err == nil:
		v.unlock = unlock
	case errors.Is(err, errInUse):
		return nil, refuse("checkpoint", v.dir+" is "+err.Error())
	case !errors.Is(err, errors.ErrUnsupported):
		return nil, &fileError{"checkpoint", err}
	}
	if opt.Resume {
		return v, nil
	}
	if _, err := readManifest(v.fs, v.dir); !errors.Is(err, fs.ErrNotExist) {
		v.unlock()
		return nil, refuse("checkpoint", v.dir+" holds one already: resume it, or remove it")
	}
	return v, nil
}

// save writes a checkpoint. It is called between rounds.
func (s *search) save() error {
	v := s.saver
	m := s.manifest()
	x := s.store.(*exact)
	seg := segment{
		Name:      fmt.Sprintf("segment-%06d", len(v.done.Segments)+1),
		States:    m.States - v.done.States,
		FirstWord: v.done.ParentBits / parentWord,
		Buried:    m.Buried - v.done.Buried,
	}
	seg.Words = uint64(len(s.parents.words)) - seg.FirstWord
	err := replaceFile(v.fs, v.dir, seg.Name, func(f file) error {
		sum := &summer{to: f}
		b := bufio.NewWriterSize(sum, 1<<20)
		writeStates(b, x.arena, v.done.States)
		for _, w := range s.parents.words[seg.FirstWord:] {
			var word [8]byte
			binary.LittleEndian.PutUint64(word[:], w)
			b.Write(word[:]) // errors stay with b until Flush
		}
		writeStates(b, s.graves.arena, v.done.Buried)
		err := b.Flush()
		seg.Bytes, seg.CRC = sum.n, sum.crc
		return err
	})
	if err != nil {
		return err
	}
	m.Segments = append(v.done.Segments, seg)
	if err := m.write(v.fs, v.dir); err != nil {
		return err
	}
	v.done, v.last = m, time.Now()
	return nil
}

// manifest describes the search as it is.
func (s *search) manifest() manifest {
	m := manifest{
		Format: manifestFormat, Question: s.question(), Program: s.saver.program,
		States: s.store.len(), Buried: s.graves.len(), Roots: s.parents.roots, Next: s.next,
		Depth: s.depth, PerDepth: s.perDepth, Transitions: s.count.transitions, Skipped: s.count.skipped,
		Counters: s.counters, ParentBits: s.parents.n, Elapsed: time.Since(s.began),
	}
	for _, f := range s.found {
		m.Findings = append(m.Findings, savedFinding{f.Kind, f.Rule, f.depth, f.init, f.parent, f.state, f.call})
	}
	return m
}

// writeStates writes the states of a from number from on; those of varying length with their lengths.
func writeStates(b *bufio.Writer, a *arena, from uint64) {
	if from == a.n {
		return
	}
	var prefix [binary.MaxVarintLen64]byte
	for r := a.find(from); from < a.n; from++ {
		state, after := a.next(r)
		if a.size == 0 {
			b.Write(prefix[:binary.PutUvarint(prefix[:], uint64(len(state)))])
		}
		b.Write(state)
		r = after
	}
}

// summer counts and sums what goes through it.
type summer struct {
	to  io.Writer
	n   uint64
	crc uint32
}

// Write implements io.Writer.
func (s *summer) Write(p []byte) (int, error) {
	s.n += uint64(len(p))
	s.crc = crc32.Update(s.crc, castagnoli, p)
	return len(p), writeAll(s.to, p)
}

// saveNow writes a checkpoint if there is to be one and it is time.
func (s *search) saveNow() error {
	if s.saver == nil || time.Since(s.saver.last) < s.opt.CheckpointEvery {
		return nil
	}
	return s.save()
}

// saveLast writes a checkpoint at the end of the search. One that ended at a finding or at a number of
// states stands in the middle of a state's calls; there the last checkpoint before is left as it is.
func (s *search) saveLast() error {
	if s.saver == nil || s.stopped == StopFinding || s.stopped == StopStates {
		return nil
	}
	return s.save()
}
