package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Format is one way to write a report.
type Format struct {
	Name string // as the command line has it
	File string // its name in a folder of reports
	// Write renders a report; color says that a terminal reads it, which only text
	// cares for.
	Write func(w io.Writer, r *Report, color bool) error
}

// Formats lists all formats.
func Formats() []Format {
	return []Format{
		{"text", "report.txt", WriteText},
		{"markdown", "report.md", noColor(WriteMarkdown)},
		{"html", "report.html", noColor(WriteHTML)},
		{"json", "report.json", noColor(WriteJSON)},
		{"sarif", "report.sarif", noColor(WriteSARIF)},
		{"junit", "report.junit.xml", noColor(WriteJUnit)},
	}
}

func noColor(write func(io.Writer, *Report) error) func(io.Writer, *Report, bool) error {
	return func(w io.Writer, r *Report, _ bool) error { return write(w, r) }
}

// FindFormat returns a format by name.
func FindFormat(name string) (Format, error) {
	var names []string
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, fmt.Errorf("reports: no format is named %q; there are %s", name, strings.Join(names, ", "))
}

// File is a rendered report.
type File struct {
	Name string
	Data []byte
}

// Files renders a report in every format.
func Files(r *Report) ([]File, error) {
	var out []File
	for _, f := range Formats() {
		var b bytes.Buffer
		if err := f.Write(&b, r, false); err != nil {
			return nil, fmt.Errorf("reports: %s: %w", f.Name, err)
		}
		out = append(out, File{f.File, b.Bytes()})
	}
	return out, nil
}

// WriteJSON writes a report as docs/report.schema.json describes it.
func WriteJSON(w io.Writer, r *Report) error { return encode(w, r) }

// encode writes a value as indented JSON.
func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(v)
}
