package shards

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ptcheck/ptcheck/model/explore"
)

// Format is the version of the form of files of parts. It changes when older programs can no
// longer read what newer ones write, or the reverse.
const Format = 2

// Part is what a shard of a question found out.
type Part struct {
	// Program is the one that made it: another one may number states, calls and rules otherwise.
	Program string `json:"program"`
	Shard   Shard  `json:"shard"`
	// Args ask the question, in the words of the command line.
	Args     []string `json:"args"`
	Searches []Answer `json:"searches"`
}

// Answer is what was found out about a question.
type Answer struct {
	// Asked is all that the answer depends on.
	Asked []explore.Setting `json:"asked"`
	// Pieces are those that fell to the shard.
	Pieces []Piece `json:"pieces"`
}

// sealed is a part with its checksum, as it is in the file.
type sealed struct {
	Format int             `json:"ptcheck_part"`
	Sum    string          `json:"sha256"`
	Part   json.RawMessage `json:"part"`
}

// Bytes is the file of a part.
func (p *Part) Bytes() ([]byte, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("shards: part: %w", err)
	}
	return seal(body)
}

// seal makes a file of the text of a part.
func seal(body []byte) ([]byte, error) {
	text, err := json.Marshal(sealed{Format, sumOf(body), body})
	if err != nil {
		return nil, fmt.Errorf("shards: part: %w", err)
	}
	return append(text, '\n'), nil
}

func sumOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Read reads the file of a part. Errors are plain sentences without its name.
func Read(data []byte) (*Part, error) {
	var s sealed
	if err := decode(data, &s); err != nil {
		return nil, fmt.Errorf("is no part of a search, or was cut short: %w", err)
	}
	switch {
	case s.Format != Format:
		return nil, fmt.Errorf("has form %d; this version of ptcheck reads form %d", s.Format, Format)
	case sumOf(s.Part) != s.Sum:
		return nil, errors.New("is damaged: its checksum is wrong")
	}
	p := new(Part)
	if err := decode(s.Part, p); err != nil {
		return nil, fmt.Errorf("is damaged: %w", err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("is damaged: %w", err)
	}
	return p, nil
}

// decode reads one JSON value that is all of the data.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind its end")
	}
	return nil
}

// check refuses what no search comes to.
func (p *Part) check() error {
	if !p.Shard.valid() {
		return fmt.Errorf("there is no shard %v", p.Shard)
	}
	for i := range p.Searches {
		for j := range p.Searches[i].Pieces {
			if err := p.Searches[i].Pieces[j].check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// check refuses counts that do not add up.
func (p *Piece) check() error {
	r := &p.Result
	off := func(what string) error { return fmt.Errorf("initial state %d: its %s do not add up", p.Init, what) }
	if r.Stopped > explore.StopError || r.Diameter < 0 || r.Duration < 0 {
		return off("ends")
	}
	if (p.Init >= 0 || len(r.PerDepth) > 0) && (total(r.PerDepth) != r.States || max(1, len(r.PerDepth)) != r.Diameter+1) {
		return off("states by depth")
	}
	var before explore.Level
	for _, l := range append(r.Levels[:len(r.Levels):len(r.Levels)], r.Level()) {
		if l.Transitions < before.Transitions || l.Skipped < before.Skipped || l.AllStates < before.AllStates ||
			l.AllTransitions < before.AllTransitions || before.Counters != nil && len(l.Counters) != len(before.Counters) {
			return off("counts by depth")
		}
		before = l
	}
	for _, f := range r.Findings {
		if f.Kind != explore.Violated && f.Kind != explore.Crashed || f.Init < 0 || p.Init >= 0 && f.Init != p.Init {
			return off("findings")
		}
	}
	return nil
}
