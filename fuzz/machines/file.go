package machines

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/traces/emulator"
)

// File is a machine as a text: what to boot on it, and what must come of it.
type File struct {
	Kernel  string   // the release, such as 6.1.0-50-686-pae; empty: any kernel
	SHA256  string   // of the kernel's file; empty: any
	Mutant  string   // the patch of the kernel's code that is planted; empty: none
	Stop    string   // where the run ends; empty: the default
	Expect  []string // rules that are broken, ascending; empty: none
	Says    []string // lines for people
	Digest  string   // SHA-256 of the recording's events; empty: not compared
	Machine emulator.Machine
}

const (
	fileMagic   = "ptcheck-machine"
	fileVersion = "1"
)

// Text is the file.
func (f *File) Text() []byte {
	b := fmt.Appendf(nil, "%s %s\n", fileMagic, fileVersion)
	for _, l := range f.Says {
		b = fmt.Appendf(b, "# %s\n", l)
	}
	for _, p := range [][2]string{{"kernel", f.Kernel}, {"sha256", f.SHA256}, {"mutant", f.Mutant}, {"stop", f.Stop}, {"expect", strings.Join(f.Expect, " ")}, {"recording", f.Digest}} {
		if p[1] != "" {
			b = fmt.Appendf(b, "%s %s\n", p[0], p[1])
		}
	}
	return f.Machine.AppendText(b)
}

// ReadFile reads a file. Errors say file, line and reason.
func ReadFile(name string, in io.Reader) (*File, error) {
	f := &File{}
	s := bufio.NewScanner(in)
	no := 0
	for s.Scan() {
		no++
		if err := f.line(no, s.Text()); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, no, err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if no == 0 {
		return nil, fmt.Errorf("%s: the file is empty", name)
	}
	if err := f.Machine.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func (f *File) line(no int, line string) error {
	key, rest, _ := strings.Cut(line, " ")
	if no == 1 {
		switch {
		case key != fileMagic:
			return fmt.Errorf("this is no machine: the first line is not %q", fileMagic+" "+fileVersion)
		case rest != fileVersion:
			return fmt.Errorf("this is a machine of version %.20q; this ptcheck reads version %s", rest, fileVersion)
		}
		return nil
	}
	switch key {
	case "":
		if rest != "" {
			return fmt.Errorf("a line that begins with a blank")
		}
	case "#":
		f.Says = append(f.Says, rest)
	case "kernel":
		f.Kernel = rest
	case "sha256":
		f.SHA256 = rest
	case "mutant":
		f.Mutant = rest
	case "stop":
		f.Stop = rest
	case "expect":
		f.Expect = strings.Fields(rest)
		slices.Sort(f.Expect)
	case "recording":
		f.Digest = rest
	default:
		ok, err := f.Machine.Line(line)
		if err == nil && !ok {
			err = fmt.Errorf("%.30q says nothing of a machine", line)
		}
		return err
	}
	return nil
}

// FileOf is the file of a finding.
func FileOf(f *Finding, k *emulator.Kernel, stop string) *File {
	out := &File{Kernel: k.Release(), SHA256: k.SHA256, Stop: stop, Machine: *f.Machine}
	out.Says = []string{f.Problem.Rule + ": " + f.Problem.Detail}
	if f.Outcome != nil {
		out.Expect = f.Outcome.Broken()
		out.Digest = f.Outcome.RecordingDigest()
	}
	return out
}

// Broken are the rules that are broken, ascending, each once; what is known is left out.
func (o *Outcome) Broken() (list []string) {
	for _, p := range o.Problems {
		if !p.Known {
			list = append(list, p.Rule)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// RecordingDigest is the SHA-256 of the events of the recording.
func (o *Outcome) RecordingDigest() string {
	return fmt.Sprintf("%x", sha256.Sum256(o.Recording.Events()))
}

// Replay compares an outcome with what the file says must come of it; nil: it came so.
func (f *File) Replay(o *Outcome) error {
	if got := o.Broken(); !slices.Equal(got, f.Expect) {
		return fmt.Errorf("broken: %s; it should be: %s", listed(got), listed(f.Expect))
	}
	if f.Digest != "" && f.Digest != o.RecordingDigest() {
		return fmt.Errorf("the recording is another one than before: %s, not %s", o.RecordingDigest(), f.Digest)
	}
	return nil
}

func listed(rules []string) string {
	if len(rules) == 0 {
		return "nothing"
	}
	return strings.Join(rules, ", ")
}

// IsFile reports whether a file that begins with some bytes is a machine.
func IsFile(head []byte) bool { return bytes.HasPrefix(head, []byte(fileMagic+" ")) }
