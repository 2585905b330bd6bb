package invariants

import "fmt"

func userNoExecute() Rule {
	return Rule{
		ID:      "user-no-execute",
		Says:    "Where the processor has no-execute and the kernel uses it, writable memory of user mode has it too.",
		Applies: "to recordings of real kernels",
		Source:  "Linux, vm_get_page_prot and protection_map: PAGE_SHARED and PAGE_COPY are not executable",
		Limits:  "a program may ask for memory that is writable and executable: the rule is broken where there is no other",
		Goal:    "user mode has writable pages",
		Tell:    tellUserNoExecute,
		trace: &traceRule{
			applies: "at the end, to the pages of user mode that were writable",
			ops:     []TraceOp{TraceEnd},
			check:   traceUserNoExecute,
		},
	}
}

// traceUserNoExecute judges the end of a trace.
func traceUserNoExecute(t *Trace, _ *TraceEvent) (Detail, result) {
	l := &t.leaves
	switch {
	case !t.noExecute() || l.data+l.code == 0:
		return Detail{}, silent
	case l.data > 0:
		return Detail{}, held
	}
	first := l.firstCode
	t.blame = &first
	return atEntry(first.Frame, first.Slot, first.New).WithCounts(int(l.code), 0), broken
}

func tellUserNoExecute(v *Violation) string {
	return fmt.Sprintf("all %d writable pages of user mode were executable; the first: %s", v.count, v.entry())
}
