package chooks

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ptcheck/ptcheck/model"
)

// lines finds functions, lines and variables of a program by their addresses. It may be
// used by several callers at a time.
type lines struct {
	symbols []elf.Symbol // functions and variables, by address
	debug   *dwarf.Data

	mu    sync.Mutex
	known map[uint64]model.Place
}

func readLines(program string) (*lines, error) {
	f, err := elf.Open(program)
	if err != nil {
		return nil, fmt.Errorf("chooks: the compiled program: %w", err)
	}
	defer f.Close()
	l := &lines{known: map[uint64]model.Place{}}
	symbols, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("chooks: the compiled program: %w", err)
	}
	for _, s := range symbols {
		if t := elf.ST_TYPE(s.Info); (t == elf.STT_FUNC || t == elf.STT_OBJECT) && s.Size > 0 {
			l.symbols = append(l.symbols, s)
		}
	}
	slices.SortStableFunc(l.symbols, func(a, b elf.Symbol) int {
		switch {
		case a.Value < b.Value:
			return -1
		case a.Value > b.Value:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	if l.debug, err = f.DWARF(); err != nil {
		return nil, fmt.Errorf("chooks: the compiled program: %w", err)
	}
	return l, nil
}

// symbol names the function or the variable that an address lies in, "" if there is none.
// What the compiler has added to the name of a static variable is left out.
func (l *lines) symbol(at uint64) string {
	for _, s := range l.symbols {
		if s.Value <= at && at < s.Value+s.Size {
			name, _, _ := strings.Cut(s.Name, ".")
			return name
		}
	}
	return ""
}

// place is where an instruction lies; false if that is not in code with debug data.
func (l *lines) place(pc uint64) (model.Place, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.known[pc]
	if !ok {
		p = l.find(pc)
		l.known[pc] = p
	}
	return p, p.Line > 0
}

func (l *lines) find(pc uint64) model.Place {
	unit, err := l.debug.Reader().SeekPC(pc)
	if err != nil {
		return model.Place{}
	}
	r, err := l.debug.LineReader(unit)
	if err != nil || r == nil {
		return model.Place{}
	}
	var e dwarf.LineEntry
	if err := r.SeekPC(pc, &e); err != nil {
		return model.Place{}
	}
	return model.Place{Function: l.symbol(pc), File: e.File.Name, Line: e.Line}
}

// trace lists the places that a list of return addresses comes back to, innermost first, up
// to the process's own code. What has no debug data, such as a library, is left out.
func (l *lines) trace(frames []uint64) (out []model.Place) {
	for _, ret := range frames {
		p, ok := l.place(ret - 1)
		switch {
		case !ok:
		case strings.HasPrefix(p.File, kitName+"/"):
			if len(out) > 0 {
				return out
			}
		default:
			out = append(out, p)
		}
	}
	return out
}
