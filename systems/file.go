package systems

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
)

// File is a scenario file: what happens, and how it must end.
type File struct {
	// Name is the file that it comes from.
	Name string
	// About is the text of the comment lines at the head of the file.
	About []string
	// Mutant is the ID of the planted bug, "" for none.
	Mutant string
	// Expect is how it must end, nil if the file does not say.
	Expect *Verdict
	// Scenario is what happens, with the bug planted.
	Scenario Scenario

	wants map[int]string // the answers that lines expect, by line
}

// Version is the version of the language of scenario files that this program writes.
// A file without a line "version" is of version 1.
const Version = 1

// Read makes a scenario of a script, without carrying anything out. Errors name file,
// line and reason.
func (s *Set) Read(f *script.File) (*File, error) {
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	x := s.unnamed()
	if h.system.No != 0 {
		if x, err = s.Find(h.name); err != nil {
			return nil, h.system.Errorf("%v", err)
		}
		if err := noMistakes(f); err != nil {
			return nil, err
		}
	}
	if x == nil {
		return nil, Line{File: f.Name, No: 1, Col: 1}.Errorf("no line \"system NAME\"")
	}
	out := &File{Name: f.Name, About: h.about, Mutant: h.mutantID, Expect: h.expect, wants: map[int]string{}}
	var c Change
	if h.mutantID != "" {
		if c, err = s.Bug(h.mutantID, x); err != nil {
			return nil, h.mutant.Errorf("%v", err)
		}
	}
	for i, l := range f.Lines {
		if l.HasWant {
			out.wants[i+1] = l.Want
		}
	}
	out.Scenario, err = x.Read(f, c)
	return out, err
}

// noMistakes refuses lines that are no operations: only a guest of scripts of
// hypercalls has an answer to them.
func noMistakes(f *script.File) error {
	for i := range f.Lines {
		if op := f.Lines[i].Op; op != nil && op.Spec == nil {
			return LineOf(f, i).Errorf("this is no operation: %s", strings.TrimSpace(f.Lines[i].Raw))
		}
	}
	return nil
}

// New returns a scenario of a system as a file, with a planted bug unless its ID is
// empty. A bug that does not fit is an error.
func (s *Set) New(scenario Scenario, mutant string) (*File, error) {
	f := &File{Name: scenario.System(), Mutant: mutant, Scenario: scenario}
	if mutant == "" {
		return f, nil
	}
	x, err := s.Find(scenario.System())
	if err != nil {
		return nil, err
	}
	c, err := s.Bug(mutant, x)
	if err != nil {
		return nil, err
	}
	f.Scenario = scenario.With(c)
	return f, nil
}

// System is the name of the system.
func (f *File) System() string { return f.Scenario.System() }

// Len is the number of operations.
func (f *File) Len() int { return f.Scenario.Len() }

// Wants is the answer that a line, counted from 1, expects; ok is false if it expects
// none.
func (f *File) Wants(line int) (want string, ok bool) {
	want, ok = f.wants[line]
	return want, ok
}

// HasWants reports whether some line expects an answer.
func (f *File) HasWants() bool { return len(f.wants) > 0 }

// Play carries the scenario out; see [Scenario.Play].
func (f *File) Play(o PlayOptions) (*Play, error) { return f.Scenario.Play(o) }

// Check reports the first answer of a run that is not what its line expects. A line that
// expects an answer and was not carried out, because the run was over, is such a one.
func (f *File) Check(p *Play) error {
	answered := map[int]bool{}
	for _, a := range p.Answers {
		answered[a.Line] = true
		if want, ok := f.wants[a.Line]; ok && want != a.Text {
			return &AnswerError{Name: f.Name, Line: a.Line, Want: want, Got: a.Text}
		}
	}
	for _, line := range slices.Sorted(maps.Keys(f.wants)) {
		if !answered[line] {
			return &AnswerError{Name: f.Name, Line: line, Want: f.wants[line], Got: NotCarriedOut}
		}
	}
	return nil
}

// NotCarriedOut is what an [AnswerError] has in place of an answer where there is none.
const NotCarriedOut = "nothing: the run was over before this line"

// Verdict carries the scenario out and tells how it ends. Operations that are
// impossible where they stand are left out.
func (f *File) Verdict() (Verdict, error) {
	p, err := f.Scenario.Play(PlayOptions{Lenient: true, Place: true})
	if err != nil {
		return Verdict{}, err
	}
	return p.Verdict, nil
}

// Sound is the scenario without the planted bug.
func (f *File) Sound() *File {
	out := *f
	out.Mutant, out.Scenario = "", f.Scenario.With(Change{})
	return &out
}

// Explain reports how a scenario goes wrong that does.
func (f *File) Explain() (*reports.Finding, error) {
	p, err := f.Scenario.Play(PlayOptions{Lenient: true, Report: true})
	if err != nil {
		return nil, err
	}
	if p.Finding == nil {
		return nil, &HoldsError{Name: f.Name, To: "explain"}
	}
	return p.Finding, nil
}

// Shrink returns the smallest scenario found that ends in the same way: the same
// rule broken, or the same kind of crash in the same function. It fails if
// nothing goes wrong. 0 tries stand for as many as take seconds.
func (f *File) Shrink(tries int) (*File, Shrunk, error) {
	want, err := f.Verdict()
	if err != nil {
		return nil, Shrunk{}, err
	}
	if !want.Fails() {
		return nil, Shrunk{}, &HoldsError{Name: f.Name, To: "shrink"}
	}
	small, how, err := f.Scenario.Shrink(want, tries)
	if err != nil {
		return nil, how, err
	}
	out := *f
	out.Scenario, out.wants = small, nil
	return &out, how, nil
}

// Only is the scenario with only some of its operations, by their numbers in order.
func (f *File) Only(keep []int) (*File, error) {
	s, err := f.Scenario.Only(keep)
	if err != nil {
		return nil, err
	}
	out := *f
	out.Scenario, out.wants = s, nil
	return &out, nil
}

// Text writes the scenario file: what it is about, its version, its mutant, how it
// must end, its operations.
func (f *File) Text() []byte {
	var b bytes.Buffer
	for _, line := range f.About {
		fmt.Fprintf(&b, "# %s\n", line)
	}
	fmt.Fprintf(&b, "version %d\n", Version)
	if f.Mutant != "" {
		fmt.Fprintf(&b, "mutant %s\n", f.Mutant)
	}
	if f.Expect != nil {
		fmt.Fprintf(&b, "expect %v\n", *f.Expect)
	}
	b.Write(f.Scenario.Body())
	return b.Bytes()
}

// HoldsError says that nothing goes wrong in a scenario.
type HoldsError struct {
	Name string
	To   string // what there is nothing of: to explain, to shrink
}

// Error implements error.
func (e *HoldsError) Error() string {
	return fmt.Sprintf("systems: %s: nothing goes wrong: there is nothing to %s", e.Name, e.To)
}

// AnswerError says that an operation answers something else than its line
// expects.
type AnswerError struct {
	Name      string
	Line      int // counted from 1
	Want, Got string
}

// Error implements error.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s:%d: answers %q, want %q", e.Name, e.Line, e.Got, e.Want)
}

// header is what a script says about itself.
type header struct {
	about    []string
	name     string // of the system
	mutantID string
	expect   *Verdict

	version, system, mutant, ends Line // where it says so
}

// readHeader reads the header of a script.
func readHeader(f *script.File) (header, error) {
	var h header
	var errs []error
	calls, titles := false, false
	for i := range f.Lines {
		l := &f.Lines[i]
		switch {
		case l.Op == nil:
			titles = titles || l.IsTitle
			if l.HasComment && h.system.No == 0 && !calls && !titles {
				h.about = append(h.about, strings.TrimSpace(l.Comment))
			}
		case calls && isHeader(l.Op.Name):
			errs = append(errs, LineOf(f, i).Errorf("%s belongs before the first operation", l.Op.Name))
		default:
			if err := h.line(l.Op, LineOf(f, i)); err != nil {
				errs = append(errs, err)
			}
			calls = calls || l.Op.Spec == nil || !l.Op.Spec.Header
		}
	}
	return h, errors.Join(errs...)
}

// isHeader reports whether an operation says something about a file of any system.
func isHeader(name string) bool {
	return name == "version" || name == "mutant" || name == "expect" || name == "system"
}

// Describes reports whether a line only describes a file: what [Set.Read] has read
// already, for the systems to skip.
func Describes(op *script.Op) bool { return op == nil || isHeader(op.Name) }

// line takes in a header line.
func (h *header) line(op *script.Op, at Line) error {
	where := map[string]*Line{"version": &h.version, "mutant": &h.mutant, "system": &h.system, "expect": &h.ends}[op.Name]
	if where == nil || op.Spec == nil {
		return nil
	}
	if where.No != 0 {
		return at.Errorf("%s is there twice", op.Name)
	}
	*where = at
	switch op.Name {
	case "version":
		if v := op.Args[0].Num; v != Version {
			return at.Errorf("version %d of the scenario language is not known: this ptcheck reads version %d", v, Version)
		}
	case "mutant":
		h.mutantID = op.Args[0].Word
	case "system":
		h.name = op.Args[0].Word
	case "expect":
		v, err := ParseVerdict(strings.TrimPrefix(op.String(), "expect "))
		if err != nil {
			return at.Errorf("%v", err)
		}
		h.expect = &v
	}
	return nil
}
