package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// update has what is made from the code written.
var update = flag.Bool("update", false, "write docs/boot.schema.json and the table in docs/boot.md")

const (
	schemaFile = "../../docs/boot.schema.json"
	pageFile   = "../../docs/boot.md"
)

// TestSchemaFile wants the published schema to be the one that the code makes.
func TestSchemaFile(t *testing.T) {
	var b bytes.Buffer
	if err := WriteSchema(&b); err != nil {
		t.Fatal(err)
	}
	same(t, schemaFile, b.String())
}

// TestKeysPage wants the page's table to have every key.
func TestKeysPage(t *testing.T) {
	page, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "| key | means | without it |\n", "\n\n"
	head, rest, ok := strings.Cut(string(page), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("there is no table in the page")
	}
	same(t, pageFile, head+begin+keysTable()+end+tail)
}

func keysTable() string {
	lines := []string{"|---|---|---|"}
	for _, k := range Keys() {
		name := "`" + k.Name + "`"
		if k.Flavour != "" && !strings.Contains(k.Name, ".") {
			name += " (" + string(k.Flavour) + ")"
		}
		if k.Mode != "" {
			name += " (" + string(k.Mode) + ")"
		}
		lines = append(lines, "| "+name+" | "+k.Says+" | "+k.Default+" |")
	}
	return strings.Join(lines, "\n")
}

func same(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the code makes (go test ./traces/golden -update): %v", path, err)
	}
}

// TestKeysAreWritten wants every field of a configuration to have a key, by what is written
// of one, and every key to be written.
func TestKeysAreWritten(t *testing.T) {
	eachMachine(t, func(t *testing.T, flavour Flavour, mode Mode) {
		c := Default(flavour, mode)
		for _, object := range []string{"", "sod", "hypervisor_l2", "derived"} {
			if flavour == Native && object != "" && object != "derived" {
				continue
			}
			text := appendConfig(nil, &c)
			if object != "" {
				text = configValues(&c)[object]
			}
			var got map[string]json.RawMessage
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			for _, k := range keysOf(object, flavour, mode) {
				if _, ok := got[k]; !ok {
					t.Errorf("%s.%s is not written", object, k)
				}
				delete(got, k)
			}
			for k := range got {
				t.Errorf("%s.%s is no key", object, k)
			}
		}
	})
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepts reports whether the schema takes a text.
func accepts(t *testing.T, s *jsonschema.Schema, text string) bool {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v) == nil
}

// TestSchemaTakesWhatIsRead holds the schema to examples and to recorded configurations.
func TestSchemaTakesWhatIsRead(t *testing.T) {
	s := compiled(t)
	eachMachine(t, func(t *testing.T, flavour Flavour, mode Mode) {
		c := Default(flavour, mode)
		if !accepts(t, s, exampleText(t, &c)) {
			t.Error("the schema refuses an example")
		}
	})
	for _, path := range goldenFiles(t) {
		if f := mustRead(t, path); !accepts(t, s, string(appendConfig(nil, &f.Config))) {
			t.Errorf("the schema refuses the configuration of %s", path)
		}
	}
}

// TestSchemaAndReaderRefuse breaks each key in turn: both must notice.
func TestSchemaAndReaderRefuse(t *testing.T) {
	s := compiled(t)
	for _, k := range Keys() {
		flavour, mode := Flavour("xen"), PAE
		if k.Flavour == Native {
			flavour = Native
		}
		values := []string{"true", "[true]"}
		if k.form.kind == aNumber {
			values = append(values, strconv.FormatInt(k.form.min-1, 10))
			if k.Name != "hypervisor_l2.first_index" { // the bound is that of the mode's tables
				values = append(values, strconv.FormatInt(k.form.max+1, 10))
			}
		}
		for _, v := range values {
			text := `{"flavour": "` + string(flavour) + `", "mode": "` + string(mode) + `", ` + nest(k.Name, v) + "}"
			if k.Name == "flavour" || k.Name == "mode" {
				text = "{" + nest(k.Name, v) + "}"
			}
			if _, err := ReadConfig("x.json", []byte(text)); err == nil || !strings.Contains(err.Error(), k.Name) {
				t.Errorf("%s is read: %v", text, err)
			}
			if accepts(t, s, text) {
				t.Errorf("the schema takes %s", text)
			}
		}
	}
	for _, text := range []string{`{"psee": 1}`, `{"pg0": "0x1000", "flavour": "xen"}`, `{"p2m": {}}`} {
		if accepts(t, s, text) || readBare([]byte(text)) == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

// nest writes a key, inside its object where it has one.
func nest(key, value string) string {
	words := strings.Split(key, ".")
	slices.Reverse(words)
	for i, w := range words {
		if i > 0 {
			if words[len(words)-1] == "p2m" {
				value = `"kind": "` + kindWith(words[0]) + `", ` + value
			}
			value = "{" + value + "}"
		}
		value = strconv.Quote(w) + ": " + value
	}
	return value
}

// kindWith is a kind of p2m that has a key.
func kindWith(key string) string {
	if key == "mfns" {
		return string(List)
	}
	return string(Affine)
}
