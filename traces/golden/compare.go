package golden

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Compare compares everything the dumps hold and returns the differences, in
// the order of the format; none means that got is as wanted. The name is not
// compared. Of outcomes other than ok only the class counts, and of hv_reject
// only the position: the trace hash of got is taken with the texts of want.
func Compare(want, got *File) []Difference {
	var out []Difference
	out = append(out, compareConfigs(&want.Config, &got.Config)...)
	if OutcomeClass(want.Outcome) != OutcomeClass(got.Outcome) {
		out = append(out, Difference{Part: "outcome", Want: quoteAll(want.Outcome), Got: quoteAll(got.Outcome)})
	}
	if want.CR4Set != got.CR4Set {
		out = append(out, Difference{Part: "cr4_set", Want: hexText(want.CR4Set), Got: hexText(got.CR4Set)})
	}
	initial := compareTables("initial", want.Initial, got.Initial)
	tables := compareTables("tables", want.Tables, got.Tables)
	trace := compareLists("trace", opTexts(want.Trace), opTexts(got.Trace))
	out = append(out, compareHashes(want, got, len(initial) == 0, len(tables) == 0, len(trace) == 0)...)
	out = append(out, compareLists("bootmem", bootmemTexts(want.Bootmem), bootmemTexts(got.Bootmem))...)
	out = append(out, trace...)
	out = append(out, initial...)
	out = append(out, tables...)
	return append(out, compareEntries("root_residue", "word", want.RootResidue, got.RootResidue)...)
}

// compareConfigs lists the top-level keys of the config that differ.
func compareConfigs(want, got *Config) []Difference {
	if want.Equal(got) {
		return nil
	}
	w, g := configValues(want), configValues(got)
	d := differences{part: "config", limit: maxPerTable}
	keys := slices.Collect(maps.Keys(w))
	for k := range g {
		if _, ok := w[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if string(w[k]) != string(g[k]) {
			d.add(Difference{Where: k, Want: shorten(w[k]), Got: shorten(g[k])})
		}
	}
	return d.done("", "keys")
}

// configValues returns the JSON text of each top-level key.
func configValues(c *Config) map[string]json.RawMessage {
	var values map[string]json.RawMessage
	// The text was just written, so it cannot fail to parse.
	_ = json.Unmarshal(appendConfig(nil, c), &values)
	return values
}

// shorten cuts JSON text to one readable line.
func shorten(text json.RawMessage) string {
	switch {
	case text == nil:
		return "nothing"
	case len(text) > 2*maxQuote:
		return string(text[:2*maxQuote]) + "..."
	}
	return string(text)
}

// compareHashes compares the hashes; the flags say whether what they are over
// agrees as far as the file holds it.
func compareHashes(want, got *File, initialAgree, tablesAgree, traceAgree bool) []Difference {
	d := differences{part: "hash", limit: maxPerTable}
	check := func(key, w, g string, agree bool, note string) {
		if w == g {
			return
		}
		if !agree {
			note = ""
		}
		d.add(Difference{Where: key, Want: hashText(w), Got: hashText(g), Note: note})
	}
	const own = "the tables agree, so one of the hashes does not belong to its tables"
	check("tables_sha256", want.Hash.Tables, got.Hash.Tables, tablesAgree, own)
	check("reachable_sha256", want.Hash.Reachable, got.Hash.Reachable, tablesAgree, own)
	check("initial_sha256", want.Hash.Initial, got.Hash.Initial, initialAgree, own)
	if hash, ok := traceHashFor(want, got); !ok {
		d.add(Difference{Where: "trace_sha256", Note: "cannot be compared: the hv_reject texts differ, and the full trace is not at hand"})
	} else {
		check("trace_sha256", want.Hash.Trace, hash, traceAgree,
			"the folded lists agree: a value inside a folded set_pte, set_pmd or update_va differs, which the file cannot localise")
	}
	const prezap = "the file does not hold the tables before the zap, so this cannot be localised"
	check("prezap_tables_sha256", want.Hash.PrezapTables, got.Hash.PrezapTables, tablesAgree, prezap)
	check("prezap_reachable_sha256", want.Hash.PrezapReachable, got.Hash.PrezapReachable, tablesAgree, prezap)
	return d.list
}

// traceHashFor is the trace hash of got with the hv_reject texts of want; ok
// is false if it cannot be computed.
func traceHashFor(want, got *File) (hash string, ok bool) {
	rejects := Rejects(want.Trace)
	if slices.Equal(rejects, Rejects(got.Trace)) {
		return got.Hash.Trace, true
	}
	full := got.FullTrace
	if full == nil {
		full, ok = unfold(got.Trace)
		if !ok {
			return "", false
		}
	}
	return full.HashWithRejects(rejects), true
}

// bootmemTexts renders a bootmem list.
func bootmemTexts(list []Bootmem) []string {
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = hexText(m.PFN) + " " + m.Purpose
	}
	return out
}

// opTexts renders a folded trace. The text of an hv_reject is left out, since
// it does not count.
func opTexts(ops []Op) []string {
	out := make([]string, len(ops))
	for i := range ops {
		op := &ops[i]
		var b strings.Builder
		b.WriteString(op.Name)
		if op.Count > 0 {
			fmt.Fprintf(&b, " x %d", op.Count)
		}
		for _, a := range op.Args {
			b.WriteString(" " + hexText(a))
		}
		if op.Text != "" && op.Name != OpHVReject {
			b.WriteString(" " + op.Text)
		}
		out[i] = b.String()
	}
	return out
}

// compareLists compares two lists. Common ends are set aside, so that an item
// left out or put in is found as such.
func compareLists(part string, want, got []string) []Difference {
	if slices.Equal(want, got) {
		return nil
	}
	d := differences{part: part, limit: maxPerTable}
	wn, gn, start := len(want), len(got), 0
	for start < min(wn, gn) && want[start] == got[start] {
		start++
	}
	for wn > start && gn > start && want[wn-1] == got[gn-1] {
		wn--
		gn--
	}
	for i := start; i < max(wn, gn); i++ {
		w, g := "nothing", "nothing"
		if i < wn {
			w = want[i]
		}
		if i < gn {
			g = got[i]
		}
		if w != g {
			d.add(Difference{Where: element("item", i), Want: w, Got: g})
		}
	}
	list := d.done("", "items")
	if len(want) != len(got) {
		list = append(list, Difference{Part: part, Where: "length", Want: fmt.Sprint(len(want)), Got: fmt.Sprint(len(got))})
	}
	return list
}

// hexText renders a number as "0x…".
func hexText(v uint64) string { return fmt.Sprintf("%#x", v) }

// hashText shows an absent hash as "none".
func hashText(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// quoteAll quotes text for a one-line message.
func quoteAll(s string) string { return fmt.Sprintf("%q", s) }
