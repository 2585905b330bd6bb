package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compile(t *testing.T, path string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance renders a report and reads it as plain JSON.
func instance(t *testing.T, format string, r *Report) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(render(t, format, r)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func render(t *testing.T, format string, r *Report) []byte {
	t.Helper()
	f, err := FindFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b, r, false); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSchemas holds reports against the published schema, and SARIF files
// against that of SARIF 2.1.0.
func TestSchemas(t *testing.T) {
	for format, path := range map[string]string{"json": "../docs/report.schema.json", "sarif": "testdata/sarif-2.1.0-rtm.5.json"} {
		s := compile(t, path)
		for name, r := range examples(t) {
			if err := s.Validate(instance(t, format, r)); err != nil {
				t.Errorf("%s of %s: %v", format, name, err)
			}
		}
	}
}

// TestSchemaRefuses wants the schema to notice what is not in it.
func TestSchemaRefuses(t *testing.T) {
	s := compile(t, "../docs/report.schema.json")
	good := string(render(t, "json", examples(t)["B08"]))
	for _, x := range [][2]string{
		{`"schema": 1`, `"schema": 2`},
		{`"verdict": "crashed"`, `"verdict": "dead"`},
		{`"file": "xen/`, `"file": "/home/me/xen/`},
		{`"crash": `, `"rule": "both", "crash": `},
		{`"initial": {`, `"initial": {"clock": 3, `},
	} {
		bad := strings.Replace(good, x[0], x[1], 1)
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(bad))
		if err != nil || bad == good {
			t.Fatalf("%q: %v", x[0], err)
		}
		if s.Validate(v) == nil {
			t.Errorf("%s instead of %s is accepted", x[1], x[0])
		}
	}
}

// TestJSONKeepsAll reads a report back and writes it again.
func TestJSONKeepsAll(t *testing.T) {
	for name, r := range examples(t) {
		first := render(t, "json", r)
		var again Report
		d := json.NewDecoder(bytes.NewReader(first))
		d.DisallowUnknownFields()
		if err := d.Decode(&again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(render(t, "json", &again), first) {
			t.Errorf("%s changes when it is read and written", name)
		}
	}
}
