package main

import (
	"fmt"
	"testing"
)

func TestScripts(t *testing.T) {
	for _, x := range []struct{ name, text, want string }{
		{"action", "name: a\nruns:\n  using: composite\n  steps:\n    - run: one\n    - uses: x\n    - run: |\n        two\n        three\n", `["one" "two\nthree\n"] <nil>`},
		{"job", "job:\n  script:\n    - one\n    - two\n", `["one\ntwo\n"] <nil>`},
		{"two jobs", "a:\n  script: [one]\nb:\n  script: [two]\n", `[] more than one job`},
		{"none", "a:\n  image: x\n", `[] no script`},
	} {
		got, err := scripts([]byte(x.text))
		if text := fmt.Sprintf("%q %v", got, err); text != x.want {
			t.Errorf("%s: %s, want %s", x.name, text, x.want)
		}
	}
}
