package audit

import (
	"fmt"
	"slices"
)

// Rule is one static rule: all that there is to say about it, and how to check it.
type Rule struct {
	ID      string // such as "image-w-xor-x"
	Says    string // one sentence
	Applies string // to which images
	Source  string // where the rule comes from
	Limits  string // what it cannot tell

	// unfit says why the rule means nothing in an image; "" if it does.
	unfit func(a *Audit) string
	// judge looks at what the second walk comes across. It returns what is wrong as a
	// short class, "" if nothing is, and whether the rule was put to the test.
	judge func(a *Audit, s *sight) (wrong string, looked bool)
	// finish, if any, judges what only the whole tells.
	finish func(a *Audit, v *Verdict)
}

// Rules lists the rules in the order in which they are told.
func Rules() []Rule {
	return []Rule{
		wXorX(), aliasExec(), userNoExec(), kernelHidden(), tablesGuarded(), oneLevel(), inMemory(), entryBits(), aliasCache(),
		xenTypes(), xenCounts(), xenWritable(), xenReferences(),
	}
}

// Verdict is what a rule came to.
type Verdict struct {
	Rule Rule
	// Unfit says why the rule does not apply; empty if it does.
	Unfit string
	// Looked is how many pages, tables or frames were held against it; Broken how many
	// of them broke it.
	Looked, Broken uint64
	// Findings are the first of what broke it, in the order of addresses; each may be a
	// run of pages.
	Findings []Finding
	// Notes are what is worth telling and breaks nothing.
	Notes []string
}

// Finding is a run of addresses, or a frame, that breaks a rule.
type Finding struct {
	Start, Size uint64 // addresses; Size 0: it is about no address
	What        string // what is wrong
	Root        string // under whose root
	Symbol      string // what the kernel has at Start, if symbols are known
	Way         []Hop  // from the root to the first entry
	class       string
}

// Hop is an entry on a way.
type Hop struct {
	Level int
	Table uint64 // physical address
	Slot  int
	Entry uint64
}

// mostFindings is how many findings of a rule are kept.
const mostFindings = 12

// mostNotes is how many notes of a rule are kept.
const mostNotes = 8

// Where is the finding's addresses in text, with the symbol.
func (f *Finding) Where() string {
	if f.Size == 0 {
		return ""
	}
	text := fmt.Sprintf("%#x-%#x", f.Start, f.Start+(f.Size-1))
	if f.Symbol != "" {
		text += " (" + f.Symbol + ")"
	}
	return text
}

// Text is the finding in a line.
func (f *Finding) Text() string {
	if f.Size == 0 {
		return f.What
	}
	return f.Where() + ": " + f.What
}

// add counts something broken, and keeps it if it is among the first.
func (v *Verdict) add(n uint64, f Finding) {
	v.Broken += n
	if len(v.Findings) < mostFindings {
		v.Findings = append(v.Findings, f)
	}
}

// note keeps what is worth telling.
func (v *Verdict) note(format string, args ...any) {
	if len(v.Notes) < mostNotes {
		v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
	}
}

// take judges a sight and adds what is wrong, or makes the last finding longer.
func (v *Verdict) take(a *Audit, s *sight) {
	if v.Unfit != "" || v.Rule.judge == nil {
		return
	}
	wrong, looked := v.Rule.judge(a, s)
	n := uint64(1)
	if s.kind == aLeaf {
		n = s.pages()
	}
	if looked {
		v.Looked += n
	}
	if wrong == "" {
		return
	}
	if k := len(v.Findings); k > 0 {
		if last := &v.Findings[k-1]; last.class == wrong && last.Start+last.Size == s.va && last.Root == a.root {
			v.Broken += n
			last.Size += s.size
			return
		}
	}
	v.add(n, a.finding(s, wrong))
}

// finding makes a finding of a sight.
func (a *Audit) finding(s *sight, wrong string) Finding {
	return Finding{Start: s.va, Size: s.size, What: wrong, Root: a.root, Way: a.way(), class: wrong}
}

// way is the way to what the walk is at.
func (a *Audit) way() []Hop {
	var out []Hop
	for _, h := range a.walk.path {
		out = append(out, Hop{h.level, h.table, h.slot, uint64(h.raw)})
	}
	return out
}

// underXen says why rules about Xen mean nothing.
func underXen(a *Audit) string {
	if a.xen == nil {
		return "no Xen (--xen)"
	}
	return ""
}

// noNX says why rules about execution mean nothing.
func noNX(a *Audit) string {
	if !a.NoExecute {
		return "no entry has the no-execute bit: the mode or the processor has none, or it is switched off"
	}
	return ""
}

// RuleIDs lists the names of the rules.
func RuleIDs() []string {
	var out []string
	for _, r := range Rules() {
		out = append(out, r.ID)
	}
	return slices.Clip(out)
}
