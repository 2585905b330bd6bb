package cli

import (
	"errors"
	"fmt"

	"github.com/ptcheck/ptcheck/systems/trial"
)

// verdict compares how the scenario ends with what its line "expect" says.
func (p *player) verdict() error {
	if p.expect == nil {
		return nil
	}
	t, err := trial.Read(p.file)
	var answer *trial.AnswerError
	if errors.As(err, &answer) {
		return nil // told already
	}
	if err != nil {
		return err
	}
	got := t.Run()
	if !got.Meets(*p.expect) {
		p.failed = true
		fmt.Fprintf(p.out, "%s: ends as %q, expected is %q\n", p.name, got, *p.expect)
		return nil
	}
	fmt.Fprintf(p.out, "ends as expected: %v\n", got)
	return nil
}
