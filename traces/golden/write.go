package golden

import (
	"io"
	"strconv"
)

// Write writes the dump as the format has it: one line of compact JSON and a
// newline. Reading it back gives an equal File (but for FullTrace).
func (f *File) Write(w io.Writer) error {
	_, err := w.Write(append(f.appendJSON(nil), '\n'))
	return err
}

// WriteJSON writes the config object as one line of compact JSON, derived
// values included, and a newline. [ReadConfig] takes it.
func (c *Config) WriteJSON(w io.Writer) error {
	_, err := w.Write(append(appendConfig(nil, c), '\n'))
	return err
}

// appendJSON appends the whole dump.
func (f *File) appendJSON(b []byte) []byte {
	j := jsonText{b}
	j.open('{')
	j.key("format").str(Format)
	j.key("name").str(f.Name)
	j.key("config").raw(appendConfig(nil, &f.Config))
	j.key("outcome").str(f.Outcome)
	j.key("cr4_set").hex(f.CR4Set)
	j.key("hash").hashes(&f.Hash)
	j.key("bootmem").open('[')
	for _, m := range f.Bootmem {
		j.item().open('[')
		j.item().hex(m.PFN)
		j.item().str(m.Purpose)
		j.close(']')
	}
	j.close(']')
	j.key("trace").open('[')
	for i := range f.Trace {
		j.item().op(&f.Trace[i])
	}
	j.close(']')
	j.key("initial").tables(f.Initial)
	j.key("tables").tables(f.Tables)
	if len(f.RootResidue) > 0 {
		j.key("root_residue").runs(f.RootResidue)
	}
	j.close('}')
	return j.b
}

// jsonText builds compact JSON. Commas come from key and item.
type jsonText struct{ b []byte }

// open starts an object or list.
func (j *jsonText) open(bracket byte) { j.b = append(j.b, bracket) }

// close ends an object or list.
func (j *jsonText) close(bracket byte) { j.b = append(j.b, bracket) }

// item starts an element of a list, with a comma if it is not the first.
func (j *jsonText) item() *jsonText {
	if last := j.b[len(j.b)-1]; last != '[' && last != '{' {
		j.b = append(j.b, ',')
	}
	return j
}

// key starts a member of an object.
func (j *jsonText) key(name string) *jsonText {
	j.item().str(name)
	j.b = append(j.b, ':')
	return j
}

// raw appends ready JSON.
func (j *jsonText) raw(text []byte) { j.b = append(j.b, text...) }

// hex appends a number as a string "0x…".
func (j *jsonText) hex(v uint64) {
	j.b = append(strconv.AppendUint(append(j.b, `"0x`...), v, 16), '"')
}

// int appends a number.
func (j *jsonText) int(v int) { j.b = strconv.AppendInt(j.b, int64(v), 10) }

// flag appends 0 or 1.
func (j *jsonText) flag(v bool) {
	if v {
		j.int(1)
	} else {
		j.int(0)
	}
}

// str appends a string, escaped the way Python's json module does: what is
// not ASCII becomes \uXXXX.
func (j *jsonText) str(s string) {
	j.b = append(j.b, '"')
	for _, r := range s {
		j.b = appendRune(j.b, r)
	}
	j.b = append(j.b, '"')
}

// appendRune appends one character of a JSON string.
func appendRune(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	switch {
	case r >= ' ' && r < 0x7f:
		return append(b, byte(r))
	case r > 0xffff:
		r -= 0x10000
		b = appendHex(append(b, `\u`...), 0xd800|uint64(r>>10), 4)
		return appendHex(append(b, `\u`...), 0xdc00|uint64(r&0x3ff), 4)
	}
	return appendHex(append(b, `\u`...), uint64(r), 4)
}

// hashes appends the hash object.
func (j *jsonText) hashes(h *Hashes) {
	j.open('{')
	j.key("tables_sha256").str(h.Tables)
	j.key("reachable_sha256").str(h.Reachable)
	j.key("initial_sha256").str(h.Initial)
	j.key("trace_sha256").str(h.Trace)
	if h.PrezapTables != "" || h.PrezapReachable != "" {
		j.key("prezap_tables_sha256").str(h.PrezapTables)
		j.key("prezap_reachable_sha256").str(h.PrezapReachable)
	}
	j.close('}')
}

// op appends one element of the folded trace.
func (j *jsonText) op(op *Op) {
	j.open('[')
	j.item().str(op.Name)
	shape := shapeOf(op.Name)
	if shape.folds {
		j.item().int(op.Count)
	}
	for _, a := range op.Args {
		j.item().hex(a)
	}
	if shape.text {
		j.item().str(op.Text)
	}
	j.close(']')
}

// tables appends a list of tables.
func (j *jsonText) tables(tables []Table) {
	j.open('[')
	for i := range tables {
		t := &tables[i]
		j.item().open('{')
		j.key("pa").hex(t.PA)
		j.key("level").int(t.Level)
		j.key("width").int(t.Width)
		j.key("reachable").raw(strconv.AppendBool(nil, t.Reachable))
		j.key("runs").runs(t.Entries)
		j.close('}')
	}
	j.close(']')
}

// runs appends entries as a list of runs.
func (j *jsonText) runs(entries []Entry) {
	j.open('[')
	for _, r := range Compress(entries) {
		j.item().open('[')
		j.item().int(r.Index)
		j.item().int(r.Count)
		j.item().hex(r.First)
		j.item().hex(r.Step)
		j.close(']')
	}
	j.close(']')
}
