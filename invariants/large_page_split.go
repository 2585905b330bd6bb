package invariants

import "github.com/ptcheck/ptcheck/model"

func largePageSplit() Rule {
	return Rule{
		ID:      "large-page-split",
		Says:    "A large page that is split is replaced by a table that maps the same memory with the same rights.",
		Applies: "to recordings of real kernels",
		Source:  "Linux, __split_large_page; Intel SDM vol. 3, 4.10.2.3: a processor may use either translation until it is flushed",
		Limits:  "accessed, dirty and global bits are not looked at",
		Goal:    "a large page is split",
		trace: &traceRule{
			applies: "to each store that replaces a large page by a table",
			ops:     []TraceOp{TraceStore},
			check:   traceSplit,
			on:      OnMetal,
		},
	}
}

// traceSplit judges a store of a trace.
func traceSplit(t *Trace, e *TraceEvent) (Detail, result) {
	if e.Level < 2 || !e.Old.Is(model.Present) || !t.isLeaf(e.Level, e.Old) || !t.points(e.Level, e.New) {
		return Detail{}, silent
	}
	c := t.tables[t.s.L.Map.Frame(t.s.L.Names(e.New))]
	if c == nil {
		return Detail{}, silent
	}
	if d, ok := t.agrees(c, e.Old, e.Level, true); !ok {
		return d, broken
	}
	return Detail{}, held
}
