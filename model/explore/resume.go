package explore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"time"
)

// resume puts the search where the checkpoint in its directory left it.
func (s *search) resume() error {
	m, err := readManifest(s.saver.fs, s.saver.dir)
	if err != nil {
		return err
	}
	if err := s.fitsCheckpoint(m); err != nil {
		return err
	}
	for _, seg := range m.Segments {
		if err := s.loadSegment(seg); err != nil {
			return err
		}
	}
	x := s.store.(*exact)
	p := &s.parents
	if x.arena.n != m.States || s.graves.len() != m.Buried || uint64(len(p.words)) != (m.ParentBits+parentWord-1)/parentWord {
		return refuse("resume", "the checkpoint is damaged: its segments do not add up")
	}
	p.restore(m.Roots, m.ParentBits)
	if p.roots+p.ones != m.States || p.n-p.ones != m.Next || sum(m.PerDepth) > m.States {
		return refuse("resume", "the checkpoint is damaged: its counts do not add up")
	}
	x.rebuild(s.workers)
	s.graves.rebuild(s.workers)
	s.next, s.depth, s.perDepth = m.Next, m.Depth, m.PerDepth
	s.count = tally{transitions: m.Transitions, skipped: m.Skipped}
	s.counters = m.Counters
	for _, f := range m.Findings {
		s.found = append(s.found, found{Outcome{f.Kind, f.Rule}, f.Depth, f.Init, f.Parent, f.State, f.Call})
	}
	s.began = time.Now().Add(-m.Elapsed)
	s.saver.done = *m
	if s.opt.MaxMemory > 0 && s.memory() > s.opt.MaxMemory {
		return refuse("resume", fmt.Sprintf("the checkpoint takes %d bytes of memory, the limit is %d", s.memory(), s.opt.MaxMemory))
	}
	return s.sameInits()
}

// fitsCheckpoint refuses a checkpoint that is not of this search.
func (s *search) fitsCheckpoint(m *manifest) error {
	if m.Program != s.saver.program {
		return refuse("resume", "the checkpoint was made by another build of this program, whose rules or states may differ")
	}
	if err := sameQuestion(m.Question, s.question()); err != nil {
		return err
	}
	deeper := m.Depth > s.opt.Depth || m.Depth == s.opt.Depth && m.Next > sum(m.PerDepth[:min(m.Depth, len(m.PerDepth))])
	if s.opt.Depth > 0 && deeper {
		return refuse("resume", fmt.Sprintf("depth: the checkpoint has gone beyond depth %d", s.opt.Depth))
	}
	if s.opt.MaxStates > 0 && m.States > s.opt.MaxStates {
		return refuse("resume", fmt.Sprintf("states: the checkpoint has %d, this run is limited to %d", m.States, s.opt.MaxStates))
	}
	return nil
}

// loadSegment reads one segment.
func (s *search) loadSegment(seg segment) error {
	name := filepath.Join(s.saver.dir, seg.Name)
	broken := func(why string, args ...any) error {
		return &fileError{"resume", damaged(name, why, args...)}
	}
	if seg.Name != filepath.Base(seg.Name) {
		return refuse("resume", fmt.Sprintf("segment %q: its name is a path", seg.Name))
	}
	b, err := readFile(s.saver.fs, name)
	switch {
	case err != nil:
		return &fileError{"resume", err}
	case uint64(len(b)) != seg.Bytes:
		return broken("it has %d bytes, %d were written", len(b), seg.Bytes)
	case crc32.Checksum(b, castagnoli) != seg.CRC:
		return broken("wrong checksum")
	}
	b, ok := readStates(s.store.(*exact).arena, b, seg.States)
	p := &s.parents
	if !ok || seg.FirstWord > uint64(len(p.words)) || uint64(len(b)) < seg.Words*8 {
		return broken("it is too short")
	}
	p.words = p.words[:seg.FirstWord] // the last word was not full then
	for range seg.Words {
		p.words = append(p.words, binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	if b, ok = readStates(s.graves.arena, b, seg.Buried); !ok || len(b) > 0 {
		return broken("its length is wrong")
	}
	return nil
}

// readStates appends n states to a, and returns what follows them.
func readStates(a *arena, b []byte, n uint64) (rest []byte, ok bool) {
	for range n {
		size := a.size
		if size == 0 {
			v, k := binary.Uvarint(b)
			if k <= 0 || v > maxStateLen {
				return nil, false
			}
			size, b = int(v), b[k:]
		}
		if len(b) < size {
			return nil, false
		}
		a.append(b[:size])
		b = b[size:]
	}
	return b, true
}

// rebuild makes the table anew for the states in the arena.
func (x *exact) rebuild(crew []*worker) {
	x.reset(x.room(x.arena.n))
	x.index(x.arena.n, crew)
}

// restore sets up what can be computed from the words.
func (p *parents) restore(roots, n uint64) {
	words := p.words
	*p = parents{roots: roots}
	for i := range n {
		if words[i/parentWord]>>(i%parentWord)&1 != 0 {
			p.child()
		} else {
			p.done()
		}
	}
}

// sameInits makes sure that the initial states are those that the checkpoint begins with, lest a change
// of the model that its name does not show goes unnoticed.
func (s *search) sameInits() error {
	w := s.workers[0]
	x := s.store.(*exact)
	changed := refuse("resume", "the initial states are not those of the checkpoint: the model has changed")
	seen := uint64(0)
	for _, i := range s.startsAt() {
		w.m.Init(i)
		if o := w.judgeInit(); o.Kind != Moved {
			continue
		}
		id, ok := x.lookup(w.key())
		if !ok || id > seen {
			return changed
		}
		if id == seen {
			seen++
		}
	}
	if seen != s.parents.roots {
		return changed
	}
	w.delta(nil) // it was counted when the search began
	return nil
}
