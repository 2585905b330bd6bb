package shards_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/seeds"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/shards"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]shards.Shard{"1/1": {K: 1, N: 1}, "3/16": {K: 3, N: 16}, "16/16": {K: 16, N: 16}} {
		if got, err := shards.Parse(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "3", "0/4", "5/4", "-1/4", "+1/4", "01/4", "1/0", "1/4/4", "1 /4", "1/99999", "1/99999999999999999999", "1.0/4", "/", "²/4"} {
		if got, err := shards.Parse(text); err == nil || !strings.Contains(err.Error(), "want K/N, such as 3/16") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// TestShare deals pieces out: each falls to one shard, and no shard has two more than another.
func TestShare(t *testing.T) {
	f := newForest(5, 0)
	split := &systems.Search{Apart: true, Model: f.model}
	whole := &systems.Search{Model: f.model}
	questions := []shards.Question{
		{Search: split}, {Search: whole}, {Search: split, Options: explore.Options{MaxStates: 9}},
		{Search: split, Options: explore.Options{Strategy: explore.RandomWalk}}, {Search: split, Options: explore.Options{Depth: 2}},
	}
	total := 0
	for i := range questions {
		total += len(questions[i].Pieces())
	}
	if want := 2*len(f.trees) + 3; total != want {
		t.Errorf("%d pieces, want %d", total, want)
	}
	for n := 1; n < total+3; n++ {
		seen, sizes := map[[2]int]int{}, map[int]bool{}
		for k := 1; k <= n; k++ {
			size := 0
			for i, pieces := range (shards.Shard{K: k, N: n}).Share(questions) {
				for _, p := range pieces {
					seen[[2]int{i, p}]++
					size++
				}
			}
			if size < total/n || size > (total+n-1)/n {
				t.Errorf("shard %d of %d has %d of %d pieces", k, n, size, total)
			}
			sizes[size] = true
		}
		for piece, times := range seen {
			if times != 1 {
				t.Errorf("%d shards: piece %v falls to %d", n, piece, times)
			}
		}
		if len(seen) != total {
			t.Errorf("%d shards: %d of %d pieces", n, len(seen), total)
		}
	}
}

// smallPart is a part with a finding.
func smallPart(t testing.TB) (*shards.Part, []byte) {
	t.Helper()
	for seed := uint64(0); ; seed++ {
		q := shards.Question{Search: &systems.Search{Apart: true, Model: newForest(seed, 6).model}}
		q.Options.Question = []explore.Setting{{Name: "system", Value: "forest"}}
		pieces, err := q.Explore(t.Context(), q.Pieces(), q.Options)
		if err != nil {
			t.Fatal(err)
		}
		if len(shards.Join(&q, pieces).Findings) == 0 {
			continue
		}
		p := &shards.Part{Program: "p", Shard: shards.Shard{K: 1, N: 1}, Args: []string{"forest", "--depth=0"},
			Searches: []shards.Answer{{Asked: q.Options.Asked(), Pieces: pieces}}}
		data, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return p, data
	}
}

// TestRead reads what was written, and nothing that was cut short or has a byte changed.
func TestRead(t *testing.T) {
	p, data := smallPart(t)
	got, err := shards.Read(data)
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Fatalf("%v, %+v, want %+v", err, got, p)
	}
	for n := range len(data) - 1 {
		if _, err := shards.Read(data[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken", n, len(data))
		}
	}
	for i := range len(data) - 1 {
		for _, with := range []byte{0, '0', '"', data[i] ^ 1} {
			bad := bytes.Clone(data)
			bad[i] = with
			if got, err := shards.Read(bad); err == nil && !reflect.DeepEqual(got, p) {
				t.Errorf("byte %d changed to %q is taken", i, with)
			}
		}
	}
	for want, text := range map[string]string{
		"is no part of a search":   "{}}",
		"more behind":              string(data) + string(data),
		"has form 3":               strings.Replace(string(data), `"ptcheck_part":2`, `"ptcheck_part":3`, 1),
		"unknown field":            `{"ptcheck_part":2,"more":1}`,
		"has form 0":               `{}`,
		"its checksum is wrong":    `{"ptcheck_part":2,"sha256":"","part":{}}`,
		"cannot unmarshal":         `[1]`,
		"unexpected EOF":           string(data[:len(data)/2]),
		"is no part of a search, ": "",
	} {
		if _, err := shards.Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// TestReadImpossible wants parts refused that have a right checksum and counts that no search
// comes to.
func TestReadImpossible(t *testing.T) {
	for name, change := range map[string]func(*shards.Part, *explore.Result){
		"shard":         func(p *shards.Part, _ *explore.Result) { p.Shard.K = 2 },
		"no shard":      func(p *shards.Part, _ *explore.Result) { p.Shard = shards.Shard{} },
		"states":        func(_ *shards.Part, r *explore.Result) { r.States++ },
		"diameter":      func(_ *shards.Part, r *explore.Result) { r.Diameter++ },
		"less diameter": func(_ *shards.Part, r *explore.Result) { r.Diameter = -1 },
		"stopped":       func(_ *shards.Part, r *explore.Result) { r.Stopped = 99 },
		"time":          func(_ *shards.Part, r *explore.Result) { r.Duration = -1 },
		"levels":        func(_ *shards.Part, r *explore.Result) { r.Levels[0].Transitions = 1 << 40 },
		"all states":    func(_ *shards.Part, r *explore.Result) { r.Levels[0].AllStates = 1 << 40 },
		"all moves":     func(_ *shards.Part, r *explore.Result) { r.Levels[0].AllTransitions = 1 << 40 },
		"counters":      func(_ *shards.Part, r *explore.Result) { r.Counters = r.Counters[:2] },
		"kind":          func(_ *shards.Part, r *explore.Result) { r.Findings = []explore.Finding{{Kind: explore.Moved}} },
		"init": func(_ *shards.Part, r *explore.Result) {
			r.Findings = []explore.Finding{{Kind: explore.Violated, Init: 77}}
		},
	} {
		p, _ := smallPart(t)
		change(p, &p.Searches[0].Pieces[0].Result)
		data, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := shards.Read(data); err == nil || !strings.Contains(err.Error(), "is damaged: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFit wants a sentence for files that do not make up a whole.
func TestFit(t *testing.T) {
	part := func(name string, k, n int, change func(*shards.Part)) shards.File {
		p, _ := smallPart(t)
		p.Shard = shards.Shard{K: k, N: n}
		if change != nil {
			change(p)
		}
		return shards.File{Name: name, Part: p}
	}
	asked := func(name, value string) func(*shards.Part) {
		return func(p *shards.Part) {
			a := &p.Searches[0]
			a.Asked = append([]explore.Setting{{Name: name, Value: value}}, a.Asked...)
		}
	}
	for want, files := range map[string][]shards.File{
		"there are no parts":                               nil,
		"the part of shard 2/3 is missing":                 {part("a", 1, 3, nil), part("b", 3, 3, nil)},
		"the parts of shards 1/3, 3/3 are missing":         {part("a", 2, 3, nil)},
		"the parts of 99 shards are missing, the first":    {part("a", 1, 100, nil)},
		"a is there twice":                                 {part("a", 1, 2, nil), part("a", 1, 2, nil)},
		"b is shard 1/2, and so is a":                      {part("a", 1, 2, nil), part("b", 1, 2, nil)},
		"b is shard 2/3, but a is one of 2":                {part("a", 1, 2, nil), part("b", 2, 3, nil)},
		`b was made by another ptcheck, "q"; this is "p"`:  {part("a", 1, 2, nil), part("b", 2, 2, func(p *shards.Part) { p.Program = "q" })},
		"b has 0 searches, but a has 1":                    {part("a", 1, 2, nil), part("b", 2, 2, func(p *shards.Part) { p.Searches = nil })},
		"b was made for --levels=3, but a for no --levels": {part("a", 1, 2, nil), part("b", 2, 2, asked("--levels", "3"))},
		"b was made for --x=1, but a for --x=2":            {part("a", 1, 2, asked("--x", "2")), part("b", 2, 2, asked("--x", "1"))},
		"b was made for no --x, but a for --x=2":           {part("a", 1, 2, asked("--x", "2")), part("b", 2, 2, nil)},
	} {
		if err := shards.Fit("p", files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// FuzzPart reads the text of parts under a right checksum. What is taken can be written, read
// again as the same, and joined.
func FuzzPart(f *testing.F) {
	_, data := smallPart(f)
	body := data[bytes.Index(data, []byte(`"part":`))+len(`"part":`) : len(data)-2]
	seeds.Add(f, body)
	seeds.Add(f, []byte(`{"shard":{"K":1,"N":1}}`))
	seeds.Add(f, []byte(`{"shard":{"K":1,"N":1},"searches":[{"pieces":[{"init":-1,"result":{}},{"init":0,"result":{"Levels":[{}],"PerDepth":[1],"States":1,"Findings":[{"Kind":2,"Path":[1,2]}]}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := shards.Read(shards.Sealed(body))
		if err != nil {
			return
		}
		again, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if q, err := shards.Read(again); err != nil || !reflect.DeepEqual(p, q) {
			t.Fatalf("%v: %+v, written and read again %+v", err, p, q)
		}
		for _, a := range p.Searches {
			shards.Join(&shards.Question{}, a.Pieces)
		}
	})
}
