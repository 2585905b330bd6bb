package kernel

import (
	"errors"
	"fmt"
	"io"
)

// endMark begins the line of totals behind the events.
const endMark = "# end"

// Limits of what follows the events.
const (
	maxTotals  = 100
	maxSymbols = 1 << 20
	maxName    = 512 // bytes of a symbol's name
)

// end reads the totals and all that follows. It returns io.EOF if that is sound.
func (r *Reader) end(line []byte) error {
	r.done = true
	f := fields{rest: line[len(endMark):]}
	if f.more() {
		f.word() // what is in front of the first blank: nothing
	}
	for f.more() && len(r.Totals) <= maxTotals {
		name := string(f.word())
		n := f.dec("total " + name)
		if n < 0 && f.err == nil {
			f.err = fmt.Errorf("the total %s is negative", name)
		}
		if f.err != nil {
			return r.l.errorf("%w", f.err)
		}
		r.Totals = append(r.Totals, Total{name, uint64(n)})
	}
	if err := r.checkTotals(); err != nil {
		return r.l.errorf("%w", err)
	}
	if err := r.symbols(); err != nil {
		return err
	}
	return io.EOF
}

// checkTotals holds the totals against what has been read.
func (r *Reader) checkTotals() error {
	for _, t := range []Total{
		{TotalStores, r.seen.stores}, {TotalControls, r.seen.controls}, {TotalFlushes, r.seen.flushes},
		{TotalHypercalls, r.seen.hypercalls}, {TotalDifferences, r.seen.differences},
	} {
		if said := r.Totals.Of(t.Name); said != t.Count {
			return fmt.Errorf("the recording is damaged: its totals say %d %s, it has %d", said, t.Name, t.Count)
		}
	}
	if r.Totals.Of(TotalChecks) == 0 {
		return errors.New("the totals do not say that memory was held against the recording")
	}
	return nil
}

// symbols reads the sections behind the totals.
func (r *Reader) symbols() error {
	n, err := r.section("symbols")
	if err != nil {
		return err
	}
	for range n {
		line, err := r.l.next()
		if err := r.whole(err, "symbols"); err != nil {
			return err
		}
		f := fields{rest: line}
		s := Symbol{Addr: f.hex("address")}
		if w := f.word(); len(w) == 1 {
			s.Type = w[0]
		} else {
			f.wrong("symbol's type", nil)
		}
		s.Name = string(f.rest)
		if f.err == nil && (s.Name == "" || len(s.Name) > maxName) {
			f.wrong("symbol's name", nil)
		}
		if f.err != nil {
			return r.l.errorf("%w", f.err)
		}
		r.Symbols = append(r.Symbols, s)
	}
	return r.sites()
}

// sites reads the section of places in the source, if there is one.
func (r *Reader) sites() error {
	n, err := r.section("lines")
	if errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return err
	}
	for range n {
		line, err := r.l.next()
		if err := r.whole(err, "lines"); err != nil {
			return err
		}
		f := fields{rest: line}
		s := Site{Addr: f.hex("address"), Function: string(f.word()), Line: f.small("line", 0, 1<<30)}
		if s.File = string(f.rest); f.err == nil && (s.Function == "" || len(line) > maxName) {
			f.wrong("function", nil)
		}
		if f.err != nil {
			return r.l.errorf("%w", f.err)
		}
		r.Sites = append(r.Sites, s)
	}
	if _, err := r.l.next(); !errors.Is(err, io.EOF) {
		return r.l.errorf("the recording goes on behind its end")
	}
	return nil
}

// section reads the headline of a section. Without a section "lines" the error is io.EOF.
func (r *Reader) section(name string) (int, error) {
	line, err := r.l.next()
	if errors.Is(err, io.EOF) && name == "lines" {
		return 0, io.EOF
	}
	if err := r.whole(err, name); err != nil {
		return 0, err
	}
	f := fields{rest: line}
	if string(f.word()) != name {
		return 0, r.l.errorf("want the section %q here", name)
	}
	n := f.small("number of "+name, 0, maxSymbols)
	if err := f.end(); err != nil {
		return 0, r.l.errorf("%w", err)
	}
	return n, nil
}

// whole turns the end of the recording inside a section into an error.
func (r *Reader) whole(err error, section string) error {
	if errors.Is(err, io.EOF) {
		return r.truncated(fmt.Sprintf("it ends in front of or inside its section %q", section))
	}
	return err
}
