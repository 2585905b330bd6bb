package golden

import "strings"

// fileKeys are the required keys of a golden dump.
func fileKeys() []string {
	return []string{"format", "name", "config", "outcome", "cr4_set", "hash", "bootmem", "trace",
		"initial", "tables"}
}

// OutcomeClass is the first word of an outcome: "ok", "panic", "fault",
// "misaccess" or "bug".
func OutcomeClass(outcome string) string {
	class, _, _ := strings.Cut(outcome, " ")
	return class
}

// wholeFile reads a whole golden dump.
func (r *reader) wholeFile(n *node) *File {
	f := r.object("", n, fileKeys(), []string{"root_residue"})
	if r.failed() {
		return nil
	}
	if p, v := f.at("format"); r.text(p, v) != Format {
		r.fail(p, "%s is not %q", quote(v.text), Format)
	}
	p, v := f.at("config")
	file := &File{
		Name:    r.text(f.at("name")),
		Config:  r.config(p, v, false, Machine{}),
		Outcome: r.outcome(f.at("outcome")),
	}
	if file.Name == "" {
		r.fail("name", "must not be empty")
	}
	if file.CR4Set = f.hex32("cr4_set"); file.CR4Set&^0x90 != 0 {
		r.fail("cr4_set", "%#x has bits other than 0x10 and 0x80", file.CR4Set)
	}
	if r.failed() {
		return nil
	}
	p, v = f.at("hash")
	file.Hash = r.hashes(p, v, file)
	file.Bootmem = r.bootmem(f.at("bootmem"))
	file.Trace = r.trace(f.at("trace"))
	file.Initial = r.tables(f.at("initial"))
	file.Tables = r.tables(f.at("tables"))
	if f.has("root_residue") {
		file.RootResidue = f.residue(file)
	}
	return file
}

// outcome reads the outcome.
func (r *reader) outcome(path string, n *node) string {
	s := r.text(path, n)
	class := OutcomeClass(s)
	switch class {
	case "ok":
		if s != "ok" {
			r.fail(path, "%s has text after ok", quote(s))
		}
	case "panic", "fault", "misaccess", "bug":
		if strings.TrimSpace(s[len(class):]) == "" {
			r.fail(path, "%s does not say how the original died", quote(s))
		}
	default:
		r.fail(path, "%s is none of ok, panic, fault, misaccess, bug", quote(s))
	}
	return s
}

// hashes reads the hash object. The prezap hashes come in pairs and only with
// zap_low_mappings; they must be there if the zap was reached.
func (r *reader) hashes(path string, n *node, file *File) Hashes {
	required := []string{"tables_sha256", "reachable_sha256", "initial_sha256", "trace_sha256"}
	prezap := []string{"prezap_tables_sha256", "prezap_reachable_sha256"}
	var optional []string
	switch {
	case file.Config.ZapLowMappings && file.Outcome == "ok":
		required = append(required, prezap...)
	case file.Config.ZapLowMappings:
		optional = prezap
	}
	f := r.object(path, n, required, optional)
	if f.has(prezap[0]) != f.has(prezap[1]) {
		r.fail(path, "%s and %s come together or not at all", prezap[0], prezap[1])
	}
	h := Hashes{
		Tables:    f.sha("tables_sha256"),
		Reachable: f.sha("reachable_sha256"),
		Initial:   f.sha("initial_sha256"),
		Trace:     f.sha("trace_sha256"),
	}
	if f.has(prezap[0]) {
		h.PrezapTables, h.PrezapReachable = f.sha(prezap[0]), f.sha(prezap[1])
	}
	return h
}

// sha reads a SHA-256 in hex.
func (f fields) sha(key string) string {
	p, n := f.at(key)
	s := f.text(p, n)
	if n.kind == kindString && (len(s) != 64 || strings.Trim(s, "0123456789abcdef") != "") {
		f.fail(p, "%s is not 64 lower-case hex digits", quote(s))
	}
	return s
}

// bootmem reads the bootmem list.
func (r *reader) bootmem(path string, n *node) []Bootmem {
	var out []Bootmem
	for i, item := range r.list(path, n) {
		p := element(path, i)
		pair := r.tuple(p, &item, 2)
		if pair == nil {
			return nil
		}
		out = append(out, Bootmem{
			PFN:     r.hex(element(p, 0), &pair[0], max32),
			Purpose: r.purpose(element(p, 1), &pair[1]),
		})
	}
	return out
}

// purpose reads the purpose of a bootmem frame.
func (r *reader) purpose(path string, n *node) string {
	s := r.text(path, n)
	switch s {
	case PurposePMD, PurposePTE, PurposePMDCopy:
	default:
		r.fail(path, "%s is none of \"pmd\", \"pte\", \"pmd_copy\"", quote(s))
	}
	return s
}

// trace reads the folded trace.
func (r *reader) trace(path string, n *node) []Op {
	var ops []Op
	for i, item := range r.list(path, n) {
		if r.failed() {
			return nil
		}
		op := r.op(element(path, i), &item)
		if op.Count > 0 && len(ops) > 0 && ops[len(ops)-1].Name == op.Name {
			r.fail(element(path, i), "two %s in a row are not folded", op.Name)
		}
		ops = append(ops, op)
	}
	return ops
}

// op reads one element of the folded trace.
func (r *reader) op(path string, n *node) Op {
	items := r.list(path, n)
	if len(items) == 0 {
		r.fail(path, "empty operation")
		return Op{}
	}
	op := Op{Name: r.text(element(path, 0), &items[0])}
	shape := shapeOf(op.Name)
	if !shape.known {
		r.fail(element(path, 0), "unknown operation %s", quote(op.Name))
		return op
	}
	want := 1 + shape.args
	if shape.folds || shape.text {
		want++
	}
	if r.tuple(path, n, want) == nil {
		return op
	}
	for i := range shape.args {
		op.Args = append(op.Args, r.hex(element(path, 1+i), &items[1+i], max64))
	}
	last, lastPath := &items[want-1], element(path, want-1)
	switch {
	case shape.folds:
		op.Count = int(r.integer(lastPath, last, 1, max32))
	case op.Name == OpBootmem:
		op.Text = r.purpose(lastPath, last)
	case shape.text:
		if op.Text = r.text(lastPath, last); strings.ContainsAny(op.Text, "\r\n") {
			r.fail(lastPath, "text has a line break")
		}
	}
	return op
}
