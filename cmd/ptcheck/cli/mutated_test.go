package cli

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/systems/all"
)

// mutatedInputs is how many damaged inputs TestMutatedInputs tries; the variable
// PTCHECK_MUTATED_INPUTS asks for more.
const mutatedInputs = 300

// TestMutatedInputs replays scenario files with random damage: no panic, no hang, and
// no success without answers. What is refused is refused with a reason.
func TestMutatedInputs(t *testing.T) {
	n := mutatedInputs
	if text := os.Getenv("PTCHECK_MUTATED_INPUTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	if testing.Short() {
		n = 30
	}
	sources, err := filepath.Glob("../../../fuzz/corpus/*.pt")
	if err != nil || len(sources) == 0 {
		t.Fatal(sources, err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), "mutated.pt")
	codes := map[int]int{}
	for i := range n {
		src, err := os.ReadFile(sources[r.IntN(len(sources))])
		if err != nil {
			t.Fatal(err)
		}
		text := damaged(r, src)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		code, complaint := replayDamaged(path, i)
		codes[code]++
		if complaint != "" {
			t.Errorf("input %d: %s\n%q", i, complaint, text)
		}
	}
	if codes[exitUsage] == 0 || codes[exitHolds] == 0 {
		t.Errorf("exit codes %v: the damage is always or never seen", codes)
	}
}

// replayDamaged runs one of the commands that read scenarios and says what is wrong
// with how it took the file.
func replayDamaged(path string, i int) (code int, complaint string) {
	args := [...][]string{{"replay", path}, {"corpus", "run", path}, {"show", "--frames", path}}[i%3]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	code = run(ctx, all.Systems(), args, &out, &errs)
	switch {
	case ctx.Err() != nil:
		return code, "hangs"
	case code == exitHolds && args[0] == "replay" && !strings.Contains(out.String(), "\nR ") && !strings.HasPrefix(out.String(), "R "):
		return code, "a success without an answer"
	case code == exitHolds && out.Len() == 0:
		return code, "a success without a word"
	case code == exitUsage && errs.Len()+out.Len() == 0:
		return code, "refused without a reason"
	case strings.Count(errs.String(), "\n") > 25:
		return code, fmt.Sprintf("%d lines of complaint", strings.Count(errs.String(), "\n"))
	case strings.Contains(errs.String(), "goroutine "):
		return code, "a stack of Go: " + errs.String()
	}
	return code, ""
}

// damaged returns a file with one to three random changes.
func damaged(r *rand.Rand, src []byte) []byte {
	for range 1 + r.IntN(3) {
		src = damagedOnce(r, src)
	}
	return src
}

func damagedOnce(r *rand.Rand, src []byte) []byte {
	lines := bytes.SplitAfter(src, []byte("\n"))
	i, j := r.IntN(len(lines)), r.IntN(len(lines))
	out := bytes.Clone(src)
	switch r.IntN(9) {
	case 0: // cut anywhere
		return out[:r.IntN(len(out)+1)]
	case 1: // a byte is another one
		if len(out) > 0 {
			out[r.IntN(len(out))] ^= 1 << r.IntN(8)
		}
		return out
	case 2: // a line is gone
		return bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
	case 3: // a line is there twice
		lines[i] = append(bytes.Clone(lines[i]), lines[i]...)
	case 4: // two lines have changed places
		lines[i], lines[j] = lines[j], lines[i]
	case 5: // a number is another one
		return bytes.Replace(out, []byte("1"), []byte([...]string{"0", "99", "4294967296", "-1", "18446744073709551616"}[r.IntN(5)]), 1)
	case 6: // words of one line stand in another
		lines[i] = append(bytes.TrimRight(bytes.Clone(lines[i]), "\n"), lines[j]...)
	case 7: // rubbish in the middle
		junk := make([]byte, r.IntN(40))
		for k := range junk {
			junk[k] = byte(r.Uint32())
		}
		lines[i] = append(bytes.Clone(lines[i]), junk...)
	default: // a word is another one
		words := bytes.Fields(out)
		if len(words) == 0 {
			return out
		}
		return bytes.Replace(out, words[r.IntN(len(words))], words[r.IntN(len(words))], 1)
	}
	return bytes.Join(lines, nil)
}
