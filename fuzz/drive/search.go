package drive

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/hostile"
)

// Searched drives the searches of a system, whatever their calls are. It is not safe for
// concurrent use.
//
// Byte 0 chooses the search. Each two bytes that follow, the lower one first, choose a call among
// those that there are in the state, by its place modulo their number. A call that is none there is
// passed over.
type Searched struct {
	list   []*systems.Search
	models []explore.Model
	now    int // the search of the last input
	path   []uint64
	calls  []uint64
	packed []byte
}

// NewSearched returns a driver of the searches of a system that values ask for, with a change
// planted.
func NewSearched(x systems.System, v systems.Values, c systems.Change) (*Searched, error) {
	list, err := x.Searches(v, c)
	if err != nil {
		return nil, fmt.Errorf("drive: %w", err)
	}
	if len(list) > 256 {
		return nil, fmt.Errorf("drive: %d searches: a byte chooses one", len(list))
	}
	return &Searched{list: list, models: make([]explore.Model, len(list)), path: make([]uint64, 0, maxOps)}, nil
}

// model is the model of a search, made when it is first asked for.
func (d *Searched) model(n int) explore.Model {
	if d.models[n] == nil {
		d.models[n] = d.list[n].Model()
	}
	return d.models[n]
}

// Run makes the calls that an input stands for, until a rule is broken.
func (d *Searched) Run(data []byte) explore.Outcome {
	d.now, d.path = 0, d.path[:0]
	if len(data) > 0 {
		d.now = int(data[0]) % len(d.list)
		data = data[1:]
	}
	m := d.model(d.now)
	m.Init(0)
	for ; len(data) >= 2 && len(d.path) < maxOps; data = data[2:] {
		d.calls = m.Calls(d.calls[:0])
		if len(d.calls) == 0 {
			break
		}
		if out := d.make(m, d.calls[(int(data[0])|int(data[1])<<8)%len(d.calls)]); out.Kind != explore.Moved {
			return out
		}
	}
	return explore.Outcome{Kind: explore.Moved}
}

// make makes a call as the search does: the state that it leads to is packed and unpacked, without
// what only the live one remembers, and judged.
func (d *Searched) make(m explore.Model, call uint64) explore.Outcome {
	out := m.Apply(call)
	if out.Kind == explore.Skipped {
		m.Restore()
		return explore.Outcome{Kind: explore.Moved}
	}
	d.path = append(d.path, call)
	if out.Kind != explore.Moved {
		return out
	}
	d.packed = m.Encode(d.packed[:0])
	m.Decode(d.packed)
	if j, ok := m.(explore.StateChecker); ok {
		return j.CheckState()
	}
	return out
}

// Scenario is what the last input did.
func (d *Searched) Scenario() (systems.Scenario, error) {
	return d.list[d.now].Scenario(explore.Finding{Path: slices.Clone(d.path)})
}

// Seed is an input that does what a scenario of a hostile guest does, in the first search whose
// start is the scenario's and whose alphabet has its operations; ok is false if there is none.
func (d *Searched) Seed(f *systems.File) (data []byte, ok bool) {
	for n := range d.list {
		m, ok := d.model(n).(*hostile.Model)
		if !ok || !m.StartsAs(f.Scenario) {
			continue
		}
		if data, ok := d.encode(n, m, f.Scenario); ok {
			return data, true
		}
	}
	return nil, false
}

// encode finds the places of a scenario's operations among the calls, state by state.
func (d *Searched) encode(n int, m *hostile.Model, s systems.Scenario) (data []byte, ok bool) {
	ops := m.OpsOf(s)
	if len(ops) > maxOps {
		return nil, false
	}
	data = append(data, byte(n))
	m.Init(0)
	for _, same := range ops {
		d.calls = m.Calls(d.calls[:0])
		at := slices.IndexFunc(d.calls, same)
		if at < 0 || at > 0xffff {
			return nil, false
		}
		data = append(data, byte(at), byte(at>>8))
		d.make(m, d.calls[at])
	}
	return data, true
}
