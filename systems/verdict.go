package systems

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model/explore"
)

// Verdict is how a scenario ends. The zero value says that nothing goes wrong.
type Verdict struct {
	// Kind is Violated, Crashed, or Moved for a scenario that holds.
	Kind explore.Kind
	// What is the rule broken or the kind of the crash.
	What string
	// Place is the kernel function that dies, "" if that is all the same or not
	// known.
	Place string
}

// String returns the verdict as a line "expect" has it.
func (v Verdict) String() string {
	switch v.Kind {
	case explore.Violated:
		return "violated " + v.What
	case explore.Crashed:
		return strings.TrimSuffix("crashed "+v.What+" "+v.Place, " ")
	}
	return "holds"
}

// Fails reports whether something goes wrong.
func (v Verdict) Fails() bool { return v.Kind != explore.Moved }

// Meets reports whether a verdict is the one that is wanted. A wanted one without
// a place is met anywhere.
func (v Verdict) Meets(want Verdict) bool {
	return v.Kind == want.Kind && v.What == want.What && (want.Place == "" || v.Place == want.Place)
}

// Anywhere is the verdict without its place.
func (v Verdict) Anywhere() Verdict {
	v.Place = ""
	return v
}

// ParseVerdict reads what String writes.
func ParseVerdict(text string) (Verdict, error) {
	words := strings.Fields(text)
	switch {
	case len(words) == 1 && words[0] == "holds":
		return Verdict{}, nil
	case len(words) == 2 && words[0] == "violated":
		return Verdict{Kind: explore.Violated, What: words[1]}, nil
	case len(words) == 2 && words[0] == "crashed":
		return Verdict{Kind: explore.Crashed, What: words[1]}, nil
	case len(words) == 3 && words[0] == "crashed":
		return Verdict{Kind: explore.Crashed, What: words[1], Place: words[2]}, nil
	}
	return Verdict{}, fmt.Errorf("%q is no verdict: want holds, violated RULE or crashed KIND [PLACE]", text)
}
