package shards

import (
	"context"
	"time"

	"github.com/ptcheck/ptcheck/model/explore"
)

// Piece is what the search of a piece found out.
type Piece struct {
	// Init is the initial state that was searched from, negative for all of them.
	Init   int            `json:"init"`
	Result explore.Result `json:"result"`
}

// Explore searches pieces of the question one after the other, with options that are those of
// the question apart from limits and outputs. After an error of type [explore.PartialError] the
// last piece is what had been found out before.
func (q *Question) Explore(ctx context.Context, pieces []int, o explore.Options) ([]Piece, error) {
	var out []Piece
	began, limit, depth := time.Now(), o.Timeout, o.Depth
	for _, init := range pieces {
		if init != whole {
			o.Inits, o.Levels = []int{init}, !o.FindAll
		}
		if limit > 0 {
			o.Timeout = max(1, limit-time.Since(began))
		}
		r, err := q.Run(ctx, o)
		out = append(out, Piece{init, r})
		if err != nil {
			return out, err
		}
		if n := len(r.Findings); n > 0 && !o.FindAll {
			depth = enough(depth, len(r.Findings[0].Path))
		}
		o.Depth = depth
	}
	return out, nil
}

// enough is how deep later initial states have to be searched once there is a finding at a
// depth: of what lies behind it one search would have seen nothing. 0 means without end, so one
// call is the least.
func enough(depth, found int) int {
	if bound := max(1, found-1); depth == 0 || bound < depth {
		return bound
	}
	return depth
}
