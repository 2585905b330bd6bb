package lab

import (
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model/script"
)

// Answers returns what the printed lines answer to each line of a script, by
// index of the script's lines: "0", "-EINVAL", "done=2 -EBUSY", ... Lines without
// an answer have "". Output of quiet mode 2 has no answers that can be told apart.
func Answers(f *script.File, printed []string) []string {
	all := make([]string, len(f.Lines))
	for _, l := range printed {
		rest, ok := strings.CutPrefix(l, "R ")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(number)
		_, answer, found := strings.Cut(rest, " =")
		if err == nil && found && n >= 1 && n <= len(all) {
			all[n-1] = strings.TrimSpace(answer)
		}
	}
	return all
}

// Answers that no guest gives: of the line at which it ended, and of those behind it.
const (
	AnswerEnded  = "ended"
	AnswerNotRun = "not run"
)

// Answers returns what a guest answers to each line of a script, as the function of
// that name does. Of a guest that has ended, lines from there on have an answer, too.
func (p *Played) Answers(f *script.File) []string {
	all := Answers(f, p.Lines)
	if p.End == nil {
		return all
	}
	all[p.End.Line-1] = AnswerEnded
	for i := p.End.Line; i < len(all); i++ {
		if f.Lines[i].Op != nil {
			all[i] = AnswerNotRun
		}
	}
	return all
}

// Expect writes answers into a script as what is expected of its operations.
func Expect(f *script.File, answers []string) {
	for i := range f.Lines {
		l := &f.Lines[i]
		if l.HasWant = l.Op != nil && answers[i] != ""; l.HasWant {
			l.Want = answers[i]
			l.Comment, l.HasComment = "", false
		}
	}
}

// Mismatch is an answer that is not the expected one.
type Mismatch struct {
	Line      int // counted from 1
	Got, Want string
}

// Check compares answers with what a script expects. Operations without an
// expectation may answer anything.
func Check(f *script.File, answers []string) []Mismatch {
	var all []Mismatch
	for i := range f.Lines {
		if l := &f.Lines[i]; l.HasWant && l.Want != answers[i] {
			all = append(all, Mismatch{Line: i + 1, Got: answers[i], Want: l.Want})
		}
	}
	return all
}

// BitsOf returns the guest of a recording, 32 or 64, by its first line; 64 if
// there is none.
func BitsOf(recording []string) int {
	if len(recording) > 0 && strings.Contains(recording[0], " 3 levels") {
		return 32
	}
	return 64
}
