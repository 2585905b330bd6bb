package trial

import (
	"bytes"
	"fmt"
)

// Text writes the trial as a scenario file: what it is about, its mutant, how it
// must end, its operations.
func (t *Trial) Text() ([]byte, error) {
	body, err := t.what.text("")
	if err != nil {
		return nil, fmt.Errorf("trial: %s: %w", t.Name, err)
	}
	_, body, _ = bytes.Cut(body, []byte("\n")) // the headline
	var b bytes.Buffer
	for _, line := range t.About {
		fmt.Fprintf(&b, "# %s\n", line)
	}
	if t.Mutant != "" {
		fmt.Fprintf(&b, "mutant %s\n", t.Mutant)
	}
	if t.Expect != nil {
		fmt.Fprintf(&b, "expect %v\n", *t.Expect)
	}
	b.Write(body)
	return b.Bytes(), nil
}
