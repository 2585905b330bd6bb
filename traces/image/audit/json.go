package audit

import (
	"encoding/json"
	"fmt"
	"io"
)

// jsonVersion is the version of the JSON form.
const jsonVersion = 1

// The JSON form. Addresses are strings in hexadecimal: they do not fit into the numbers
// of JSON readers.
type (
	jsonAudit struct {
		Version   int         `json:"version"`
		Image     string      `json:"image"`
		Form      string      `json:"form"`
		Mode      string      `json:"mode"`
		Memory    uint64      `json:"memory"` // bytes
		Roots     []jsonRoot  `json:"roots"`
		Tables    []jsonLevel `json:"tables"`
		DirectMap string      `json:"direct_map,omitempty"`
		NoExecute bool        `json:"no_execute"`
		Xen       *jsonXen    `json:"xen,omitempty"`
		Clean     bool        `json:"clean"`
		Rules     []jsonRule  `json:"rules"`
	}
	jsonRoot struct {
		Address string            `json:"address"`
		Of      string            `json:"of"`
		Pages   map[string]uint64 `json:"pages"` // leaf entries by page size
	}
	jsonLevel struct {
		Level  int `json:"level"`
		Tables int `json:"tables"`
	}
	jsonXen struct {
		Layout   string `json:"layout"`
		Roots    int    `json:"validated_roots"`
		Pinned   int    `json:"pinned_tables"`
		Tables   int    `json:"tables"`
		Typed    int    `json:"tables_typed_as_recounted"`
		Counted  int    `json:"tables_counted_as_recounted"`
		Writable int    `json:"writable_frames"`
		Agreeing int    `json:"writable_frames_counted_as_recounted"`
	}
	jsonRule struct {
		ID       string        `json:"id"`
		Says     string        `json:"says"`
		Verdict  string        `json:"verdict"` // holds, broken, not applicable, untested
		Reason   string        `json:"reason,omitempty"`
		Looked   uint64        `json:"looked_at"`
		Broken   uint64        `json:"broken"`
		Findings []jsonFinding `json:"findings,omitempty"`
		Notes    []string      `json:"notes,omitempty"`
	}
	jsonFinding struct {
		Start  string    `json:"start,omitempty"`
		Size   uint64    `json:"size,omitempty"` // bytes
		What   string    `json:"what"`
		Root   string    `json:"root,omitempty"`
		Symbol string    `json:"symbol,omitempty"`
		Way    []jsonHop `json:"way,omitempty"`
	}
	jsonHop struct {
		Level int    `json:"level"`
		Table string `json:"table"`
		Slot  int    `json:"slot"`
		Entry string `json:"entry"`
	}
)

// WriteJSON writes what an image came to for programs.
func (a *Audit) WriteJSON(w io.Writer) error {
	out := jsonAudit{
		Version: jsonVersion, Image: a.image.Name, Form: a.image.Form, Mode: a.Paging.Mode.String(), Memory: a.image.Memory(),
		NoExecute: a.NoExecute, Clean: !a.Broken(), Rules: []jsonRule{},
	}
	for i := range a.Leaves {
		l := &a.Leaves[i]
		out.Roots = append(out.Roots, jsonRoot{hex(a.Paging.Roots[i].Phys), l.Root, l.sizes()})
	}
	for l := a.Paging.Mode.Levels(); l >= 1; l-- {
		out.Tables = append(out.Tables, jsonLevel{l, a.Tables[l]})
	}
	if a.DirectMap != 0 {
		out.DirectMap = hex(a.DirectMap)
	}
	if x := a.Xen; x != nil {
		out.Xen = &jsonXen{x.Layout, x.Roots, x.Pinned, x.Tables, x.Typed, x.Counted, x.Writable, x.Agreeing}
	}
	for i := range a.Verdicts {
		out.Rules = append(out.Rules, a.Verdicts[i].json())
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(out)
}

func hex(n uint64) string { return fmt.Sprintf("%#x", n) }

// sizes are the leaves by page size.
func (r *RootLeaves) sizes() map[string]uint64 {
	out := map[string]uint64{}
	for _, s := range r.list() {
		out[s.name] = s.n
	}
	return out
}

// Word is the verdict in a word or two.
func (v *Verdict) Word() string {
	switch {
	case v.Unfit != "":
		return "not applicable"
	case v.Broken > 0:
		return "broken"
	case v.Looked == 0:
		return "untested"
	}
	return "holds"
}

func (v *Verdict) json() jsonRule {
	out := jsonRule{ID: v.Rule.ID, Says: v.Rule.Says, Verdict: v.Word(), Reason: v.Unfit, Looked: v.Looked, Broken: v.Broken, Notes: v.Notes}
	for i := range v.Findings {
		f := &v.Findings[i]
		j := jsonFinding{Size: f.Size, What: f.What, Root: f.Root, Symbol: f.Symbol}
		if f.Size > 0 {
			j.Start = hex(f.Start)
		}
		for _, h := range f.Way {
			j.Way = append(j.Way, jsonHop{h.Level, hex(h.Table), h.Slot, hex(h.Entry)})
		}
		out.Findings = append(out.Findings, j)
	}
	return out
}
