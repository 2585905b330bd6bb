// Package search searches a system on Apache Beam, level by level: the driver runs one
// pipeline for each level, and what is known lies in files in between.
package search

import (
	"fmt"
	"sync"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
)

// Question is what a worker must know to make the models of a search. It travels as JSON.
type Question struct {
	System string
	Values systems.Values
	// Part is the number of the search among those that the values make.
	Part int
	// Bug is the ID of the planted bug, "" for none.
	Bug        string
	NoSymmetry bool
	// Program is that of the driver: see [explore.ThisProgram].
	Program string
}

// program is this program. It does not change while it runs, and to hash it takes a while.
var program = sync.OnceValues(explore.ThisProgram)

// factory makes the search anew. A worker that runs other code than the driver refuses.
func (q *Question) factory() (explore.Factory, error) {
	own, err := program()
	if err != nil {
		return nil, err
	}
	if own != q.Program {
		return nil, fmt.Errorf("a worker runs another version of the program than the driver: start the driver from the workers' image")
	}
	set, err := systems.NewSet(mutants.Bugs, all.Systems()...)
	if err != nil {
		return nil, err
	}
	x, err := set.Find(q.System)
	if err != nil {
		return nil, err
	}
	var c systems.Change
	if q.Bug != "" {
		if c, err = set.Bug(q.Bug, x); err != nil {
			return nil, err
		}
	}
	list, err := x.Searches(q.Values, c)
	if err != nil {
		return nil, err
	}
	if q.Part >= len(list) {
		return nil, fmt.Errorf("system %s has no search number %d", q.System, q.Part)
	}
	return list[q.Part].Model, nil
}
