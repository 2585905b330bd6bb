package serve

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ptcheck/ptcheck/cmd/ptcheck/show"
	"github.com/ptcheck/ptcheck/systems"
)

// file is a scenario or a recording that is stepped through.
type file struct {
	name string
	// graph and end are where the scenario leads in a graph; nil: in none.
	graph *graph
	end   place

	mu      sync.Mutex
	out     bytes.Buffer
	session *show.Session
}

func newFile(f *systems.File) (*file, error) {
	x := &file{name: f.Name}
	var err error
	x.session, err = show.New(&x.out, f)
	return x, err
}

// view is a file at a place.
type view struct {
	Name, Place string
	Now         string // the moment in words
	To          show.Places
	Moments     []show.Moment
	Command     string // as it was asked
	Said, Error string
	Commands    []show.Command
	Graph       string // the address of the same in a graph
}

// around is how many moments a page lists before and after the one it shows.
const around = 12

// errSession refuses what only a session of its own has.
var errSession = fmt.Errorf("every page stands for itself: nothing is watched from one to the next; until goes on to the next change")

// at carries a command out at a place and tells what there is to see; moved says that the
// command has gone to another place.
func (x *file) at(at, command string) (v view, moved bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.out.Reset()
	if err := x.session.Do("goto " + at); err != nil {
		return v, false, err
	}
	v = view{Name: x.name, Command: command, Commands: commandsOf(), Now: strings.TrimRight(x.out.String(), "\n")}
	x.out.Reset()
	if command != "" {
		before := x.session.Place()
		if err := x.do(command); err != nil {
			v.Error = err.Error()
		}
		moved = x.session.Place() != before
		v.Said = x.out.String()
	}
	v.Place, v.To, v.Moments = x.session.Place(), x.session.Places(), x.session.Around(around)
	return v, moved, nil
}

// do carries out a command that needs no session.
func (x *file) do(command string) error {
	name, _, _ := strings.Cut(strings.TrimSpace(command), " ")
	if slices.Contains(stateful(), name) {
		return errSession
	}
	return x.session.Do(command)
}

// stateful are the commands that a page cannot offer.
func stateful() []string { return []string{"watch", "unwatch", "quit", "q"} }

// commandsOf are the commands that a page offers.
func commandsOf() []show.Command {
	return slices.DeleteFunc(show.Commands(), func(c show.Command) bool { return slices.Contains(stateful(), c.Name) })
}
