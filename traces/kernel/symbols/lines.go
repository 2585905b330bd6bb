package symbols

import (
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Lines gives the places in the source that instructions of a kernel belong to, from the
// debug data of its vmlinux (Debian: package linux-image-VERSION-dbg).
type Lines struct {
	file  *elf.File
	data  *dwarf.Data
	units []unitRange // by start
	cur   *unit       // the compilation unit that was looked at last
}

// unitRange is a range of addresses of a compilation unit.
type unitRange struct {
	low, high uint64
	entry     dwarf.Offset
}

// unit is a compilation unit, read.
type unit struct {
	entry *dwarf.Entry
	lines []dwarf.LineEntry // by address
	files []*dwarf.LineFile
	funcs []function // each behind those it is inlined into
}

// function is a function of a unit, or a place where one was inlined.
type function struct {
	name   string
	ranges [][2]uint64
	file   int // of the call, if it is inlined
	line   int
}

// OpenLines opens a vmlinux with debug data.
func OpenLines(path string) (*Lines, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("symbols: %w", err)
	}
	l := &Lines{file: f}
	if l.data, err = f.DWARF(); err != nil {
		return nil, errors.Join(fmt.Errorf("symbols: debug data: %w", err), f.Close())
	}
	if err := l.index(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if len(l.units) == 0 {
		return nil, errors.Join(errors.New("symbols: the file has no debug data: want a vmlinux that was not stripped"), f.Close())
	}
	return l, nil
}

// Close closes the file.
func (l *Lines) Close() error { return l.file.Close() }

// index notes the addresses of all units.
func (l *Lines) index() error {
	r := l.data.Reader()
	for {
		e, err := r.Next()
		switch {
		case err != nil:
			return fmt.Errorf("symbols: debug data: %w", err)
		case e == nil:
			sort.Slice(l.units, func(i, j int) bool { return l.units[i].low < l.units[j].low })
			return nil
		case e.Tag == dwarf.TagCompileUnit:
			ranges, err := l.data.Ranges(e)
			if err != nil {
				return fmt.Errorf("symbols: debug data: %w", err)
			}
			for _, g := range ranges {
				l.units = append(l.units, unitRange{g[0], g[1], e.Offset})
			}
		}
		r.SkipChildren()
	}
}

// At are the places that an instruction belongs to, the innermost first: functions that were
// inlined there, and at last the one that has it. None if nothing is known of it.
func (l *Lines) At(addr uint64) ([]kernel.Site, error) {
	i := sort.Search(len(l.units), func(i int) bool { return l.units[i].low > addr }) - 1
	if i < 0 || addr >= l.units[i].high {
		return nil, nil
	}
	if l.cur == nil || l.cur.entry.Offset != l.units[i].entry {
		u, err := l.readUnit(l.units[i].entry)
		if err != nil {
			return nil, fmt.Errorf("symbols: debug data: %w", err)
		}
		l.cur = u
	}
	return l.cur.sites(addr), nil
}

func (l *Lines) readUnit(at dwarf.Offset) (*unit, error) {
	r := l.data.Reader()
	r.Seek(at)
	e, err := r.Next()
	if err != nil {
		return nil, err
	}
	u := &unit{entry: e}
	if err := u.readLines(l.data); err != nil {
		return nil, err
	}
	return u, u.readFunctions(l.data, r)
}

func (u *unit) readLines(d *dwarf.Data) error {
	lr, err := d.LineReader(u.entry)
	if err != nil || lr == nil {
		return err
	}
	for {
		var le dwarf.LineEntry
		switch err := lr.Next(&le); {
		case errors.Is(err, io.EOF):
			u.files = lr.Files()
			sort.SliceStable(u.lines, func(i, j int) bool { return u.lines[i].Address < u.lines[j].Address })
			return nil
		case err != nil:
			return err
		}
		u.lines = append(u.lines, le)
	}
}

// readFunctions reads the unit's functions with all that was inlined into them.
func (u *unit) readFunctions(d *dwarf.Data, r *dwarf.Reader) error {
	for depth := 1; depth > 0; {
		e, err := r.Next()
		if err != nil || e == nil {
			return err
		}
		if e.Tag == 0 {
			depth--
			continue
		}
		if e.Tag == dwarf.TagSubprogram || e.Tag == dwarf.TagInlinedSubroutine {
			if err := u.addFunction(d, e); err != nil {
				return err
			}
		}
		if e.Children {
			depth++
		}
	}
	return nil
}

func (u *unit) addFunction(d *dwarf.Data, e *dwarf.Entry) error {
	ranges, err := d.Ranges(e)
	if err != nil || len(ranges) == 0 {
		return err
	}
	f := function{ranges: ranges}
	if f.name, err = nameOf(d, e); err != nil {
		return err
	}
	file, _ := e.Val(dwarf.AttrCallFile).(int64)
	line, _ := e.Val(dwarf.AttrCallLine).(int64)
	f.file, f.line = int(file), int(line)
	u.funcs = append(u.funcs, f)
	return nil
}

// nameOf is a function's name, which may stand at what the entry was made from.
func nameOf(d *dwarf.Data, e *dwarf.Entry) (string, error) {
	for range 4 {
		if name, ok := e.Val(dwarf.AttrName).(string); ok {
			return name, nil
		}
		origin, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
		if !ok {
			if origin, ok = e.Val(dwarf.AttrSpecification).(dwarf.Offset); !ok {
				break
			}
		}
		r := d.Reader()
		r.Seek(origin)
		var err error
		if e, err = r.Next(); err != nil || e == nil {
			return "?", err
		}
	}
	return "?", nil
}

func (f *function) has(addr uint64) bool {
	return slices.ContainsFunc(f.ranges, func(r [2]uint64) bool { return r[0] <= addr && addr < r[1] })
}

// sites puts the chain of an address together. A function's line is that of the instruction,
// or that where the one inside it was called.
func (u *unit) sites(addr uint64) []kernel.Site {
	var chain []function // the outermost first
	for _, f := range u.funcs {
		if f.has(addr) {
			chain = append(chain, f)
		}
	}
	file, line := u.line(addr)
	var list []kernel.Site
	for _, f := range slices.Backward(chain) {
		list = append(list, kernel.Site{Function: f.name, File: file, Line: line})
		file, line = u.fileName(f.file), f.line
	}
	return list
}

// line is the line of an instruction.
func (u *unit) line(addr uint64) (file string, line int) {
	i := sort.Search(len(u.lines), func(i int) bool { return u.lines[i].Address > addr }) - 1
	if i < 0 || u.lines[i].EndSequence || u.lines[i].File == nil {
		return "?", 0
	}
	return u.lines[i].File.Name, u.lines[i].Line
}

func (u *unit) fileName(i int) string {
	if i < 0 || i >= len(u.files) || u.files[i] == nil {
		return "?"
	}
	return u.files[i].Name
}
