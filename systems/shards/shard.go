package shards

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// Most is how many shards there may be.
const Most = 10_000

// Shard is one of N shares of a question: number K, from 1.
type Shard struct{ K, N int }

// Parse reads a shard such as 3/16. Errors are plain sentences.
func Parse(text string) (Shard, error) {
	k, n, ok := strings.Cut(text, "/")
	s := Shard{number(k), number(n)}
	if !ok || !s.valid() {
		return Shard{}, fmt.Errorf("want K/N, such as 3/16: a number from 1 to N, and N up to %d; not %q", Most, text)
	}
	return s, nil
}

// number is a decimal number without sign or leading zeros, 0 for anything else.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text {
		return 0
	}
	return n
}

func (s Shard) valid() bool { return 1 <= s.K && s.K <= s.N && s.N <= Most }

// String returns the shard as Parse reads it.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.K, s.N) }

// Question is a search with the options that it is made with, the Question among them.
type Question struct {
	*systems.Search
	Options explore.Options
}

// whole is the piece that is all of a search.
const whole = -1

// Pieces are what a question falls into: the numbers of its initial states, or one that stands
// for all. A search with a budget of states, or one that is not breadth first, depends on the
// order in which it comes to its initial states, and stays whole.
func (q *Question) Pieces() []int {
	if !q.Apart || q.Options.Strategy != explore.BreadthFirst || q.Options.MaxStates != 0 {
		return []int{whole}
	}
	out := make([]int, q.Model().Inits())
	for i := range out {
		out[i] = i
	}
	return out
}

// Share returns the pieces of each question that fall to the shard: all pieces in their order,
// each of N in a row to the next one.
func (s Shard) Share(questions []Question) [][]int {
	out := make([][]int, len(questions))
	next := 0
	for i := range questions {
		for _, p := range questions[i].Pieces() {
			if next%s.N == s.K-1 {
				out[i] = append(out[i], p)
			}
			next++
		}
	}
	return out
}
