package corpus

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/fuzz/drive"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
)

// goFuzz is the first line of the files in which Go's fuzzing keeps inputs.
const goFuzz = "go test fuzz v1"

// Import turns a finding of another engine into a scenario: a file of Go's fuzzing
// (testdata/fuzz/TARGET/NAME; target overrides the folder's name), or the output
// of a test that prints its operations, such as that of rapid or gopter. mutant is
// the ID of the mutant that it was found with, "" for none.
func Import(set *systems.Set, path string, src []byte, target, mutant string) (*systems.File, error) {
	first, rest, _ := bytes.Cut(src, []byte("\n"))
	if strings.TrimSpace(string(first)) != goFuzz {
		return importLog(set, path, src, mutant)
	}
	if target == "" {
		target = filepath.Base(filepath.Dir(path))
	}
	data, err := fuzzArgument(rest)
	if err != nil {
		return nil, fmt.Errorf("%s:2: %w", path, err)
	}
	d, err := drive.Open(target, mutant)
	if err != nil {
		return nil, fmt.Errorf("%s:1: %w", path, err)
	}
	d.Run(data)
	t, err := d.File()
	if err != nil {
		return nil, err
	}
	t.Name, t.About = path, []string{"found by " + target}
	return t, nil
}

// fuzzArgument reads the one argument of a fuzz target: []byte("...").
func fuzzArgument(src []byte) ([]byte, error) {
	line := strings.TrimSpace(string(src))
	quoted, ok := strings.CutPrefix(line, "[]byte(")
	if ok {
		quoted, ok = strings.CutSuffix(quoted, ")")
	}
	if !ok {
		return nil, fmt.Errorf("want one argument of type []byte, such as []byte(\"\\x00\"), not %.40q", line)
	}
	data, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, fmt.Errorf("%.40q is no Go string: %w", quoted, err)
	}
	return []byte(data), nil
}

// importLog collects the lines of a log that are lines of a scenario, whatever
// test frameworks print before them ("[rapid] draw call: ", "file_test.go:12: ").
// A later line "system" starts anew: what is printed last is the shrunk one.
func importLog(set *systems.Set, path string, src []byte, mutant string) (*systems.File, error) {
	var lines []string
	system := false
	for raw := range strings.Lines(string(src)) {
		op, ok := operation(raw)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(op, " ")
		if name == "system" {
			lines, system = nil, true
		}
		if name == "mutant" || name == "expect" || name == "version" {
			continue // the caller says what they are
		}
		lines = append(lines, op)
	}
	if !system {
		return nil, fmt.Errorf("%s:1: neither a file of Go's fuzzing (%q) nor a log with the lines of a scenario: want at least \"system NAME\"", path, goFuzz)
	}
	text := strings.Join(lines, "\n") + "\n"
	if mutant != "" {
		text = "mutant " + mutant + "\n" + text
	}
	t, err := set.Parse(path, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("the scenario in the log: %w", err)
	}
	t.About = []string{"found by a property test"}
	return t, nil
}

// operation finds the operation in a line of a log: what follows the last ": ",
// quotes apart.
func operation(raw string) (string, bool) {
	raw = strings.TrimSpace(raw)
	if i := strings.LastIndex(raw, ": "); i >= 0 {
		raw = raw[i+2:]
	}
	if s, err := strconv.Unquote(raw); err == nil {
		raw = s
	}
	l, err := script.ParseLine(raw)
	if err != nil || l.Op == nil {
		return "", false
	}
	return l.Op.String(), true
}
