package golden

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// WriteSchema writes the JSON schema (2020-12) of configurations, made from [Keys]. How
// values must fit together is more than a schema can say.
func WriteSchema(w io.Writer) error {
	j := &jsonText{}
	j.open('{')
	j.key("$schema").str("https://json-schema.org/draft/2020-12/schema")
	j.key("title").str("a machine for ptcheck boot")
	j.key("type").str("object")
	j.key("properties").open('{')
	j.key("$schema").open('{')
	j.key("type").str("string")
	j.close('}')
	j.properties("")
	j.close('}')
	j.key("additionalProperties").raw([]byte("false"))
	j.key("if").open('{')
	j.key("properties").open('{')
	j.key("flavour").open('{')
	j.key("const").str(string(Xen))
	j.close('}')
	j.close('}')
	j.key("required").open('[')
	j.item().str("flavour")
	j.close(']')
	j.close('}')
	j.without("then", Native)
	j.without("else", Xen)
	j.close('}')
	return writeIndented(w, j.b)
}

// without says that the keys of a flavour must not be there.
func (j *jsonText) without(branch string, flavour Flavour) {
	j.key(branch).open('{')
	j.key("properties").open('{')
	for _, k := range Keys() {
		if k.Flavour == flavour && !strings.Contains(k.Name, ".") {
			j.key(k.Name).raw([]byte("false"))
		}
	}
	j.close('}')
	j.close('}')
}

// properties writes the keys of an object.
func (j *jsonText) properties(object string) {
	for _, k := range Keys() {
		name := strings.TrimPrefix(k.Name, object+".")
		if strings.Contains(name, ".") || object != "" && name == k.Name {
			continue
		}
		j.key(name).open('{')
		j.key("description").str(k.sentence())
		j.form(&k)
		j.close('}')
	}
}

// sentence is what a key means, and what holds without it.
func (k *Key) sentence() string {
	text := k.Says
	if k.Flavour != "" && !strings.Contains(k.Name, ".") {
		text = "Flavour " + string(k.Flavour) + ": " + text
	}
	if k.Default != "" {
		text += ". Default: " + k.Default
	}
	return text + "."
}

// hexPattern is how addresses, frames and entries are written.
const hexPattern = "^0x(0|[1-9a-f][0-9a-f]*)$"

// form writes what a value looks like.
func (j *jsonText) form(k *Key) {
	list := func(item func()) {
		j.key("type").str("array")
		j.key("items").open('{')
		item()
		j.close('}')
	}
	number := func() { j.key("type").str("integer") }
	hex := func() {
		j.key("type").str("string")
		j.key("pattern").str(hexPattern)
	}
	switch k.form.kind {
	case aWord:
		j.words(k.form.words)
	case aFlag:
		number()
		j.bounds(0, 1)
	case aNumber:
		number()
		j.bounds(int(k.form.min), int(k.form.max))
	case aHex:
		hex()
	case aHexNull:
		j.key("type").open('[')
		j.item().str("string")
		j.item().str("null")
		j.close(']')
		j.key("pattern").str(hexPattern)
	case hexes:
		list(hex)
	case numbers:
		list(number)
	case pairs:
		list(func() {
			j.key("type").str("array")
			j.key("prefixItems").open('[')
			for _, form := range []func(){number, hex} {
				j.item().open('{')
				form()
				j.close('}')
			}
			j.close(']')
			j.key("minItems").int(2)
			j.key("maxItems").int(2)
		})
	case anObject:
		j.key("type").str("object")
		j.key("properties").open('{')
		j.properties(k.Name)
		j.close('}')
		j.key("additionalProperties").raw([]byte("false"))
	}
}

func (j *jsonText) words(words []string) {
	j.key("enum").open('[')
	for _, w := range words {
		j.item().str(w)
	}
	j.close(']')
}

func (j *jsonText) bounds(least, most int) {
	j.key("minimum").int(least)
	j.key("maximum").int(most)
}

// WriteExample writes a configuration for people to edit: a key a line, without what
// follows from the others.
func (c *Config) WriteExample(w io.Writer) error { return writeIndented(w, appendOwn(nil, c)) }

// writeIndented writes JSON with a key a line and lists in one.
func writeIndented(w io.Writer, text []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(w)
	return err
}
