package recorded

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// name is the name of the system.
const name = "recorded"

// About says in one line what was recorded.
func (j *Judgement) About() string {
	h := &j.Header
	what := "a kernel that says no version"
	if r := h.Release(); r != "" {
		what = "Linux " + r
	}
	if x := h.Value(kernel.KeyXen); x != "" {
		what += " on Xen " + x
	}
	n := h.Number(kernel.KeySMP)
	cpus := "1 processor"
	if n > 1 {
		cpus = fmt.Sprintf("%d processors", n)
	}
	if c := h.Value(kernel.KeyCPU); c != "" {
		cpus += " " + c
	}
	return fmt.Sprintf("%s, %s, %d MiB, %s", what, h.Value(kernel.KeyArch), h.Number(kernel.KeyMemory)>>20, cpus)
}

// Verdict is how the judgement ends: [reports.Holds], [reports.Violated], or
// [reports.Stopped] where the recorder missed stores, so that nothing is certain.
func (j *Judgement) Verdict() string {
	switch {
	case !j.Complete():
		return reports.Stopped
	case len(j.Findings) > 0:
		return reports.Violated
	}
	return reports.Holds
}

// Summary is the verdict in a sentence.
func (j *Judgement) Summary() string {
	applied := 0
	var broken []string
	for _, r := range j.Rules {
		if r.Exercised > 0 {
			applied++
		}
		if r.Broken > 0 {
			broken = append(broken, fmt.Sprintf("%s %d times", r.Rule.ID, r.Broken))
		}
	}
	text := fmt.Sprintf("holds: %d rules applied", applied)
	if len(broken) > 0 {
		text = "violated: " + strings.Join(broken, ", ")
	}
	if !j.Complete() {
		text = "no verdict; if nothing had been missed: " + text
	}
	return text
}

// Completeness says how well the recorder kept up.
func (j *Judgement) Completeness() string {
	t := j.Totals
	text := fmt.Sprintf("%d stores, %d register writes, %d flushes", t.Of(kernel.TotalStores), t.Of(kernel.TotalControls), t.Of(kernel.TotalFlushes))
	if n := t.Of(kernel.TotalHypercalls); n > 0 {
		text += fmt.Sprintf(", %d hypercalls", n)
	}
	n := t.Of(kernel.TotalDifferences)
	text += fmt.Sprintf("; the recorder's copy against memory: %d differences in %d comparisons", n, t.Of(kernel.TotalChecks))
	if n > 0 {
		text += ": stores were missed, and this is no verdict"
	}
	return text
}

// Run is the judgement as part of a report.
func (j *Judgement) Run() reports.Run {
	r := reports.Run{System: name, Title: filepath.Base(j.Name), Verdict: j.Verdict(), Summary: j.Summary() + "; " + j.Completeness(),
		Scope: j.About(), Findings: append([]*reports.Finding{}, j.Findings...)}
	applied, broken := reports.Group{Name: "rules exercised"}, reports.Group{Name: "rules broken"}
	for _, c := range j.Rules {
		applied.Counts = append(applied.Counts, reports.Count{Name: c.Rule.ID, N: c.Exercised})
		broken.Counts = append(broken.Counts, reports.Count{Name: c.Rule.ID, N: c.Broken})
	}
	r.Coverage = []reports.Group{applied, broken}
	return r
}

// Lines are the judgement for a terminal, without its findings.
func (j *Judgement) Lines() []string {
	out := []string{
		fmt.Sprintf("%s: %s", filepath.Base(j.Name), j.Summary()),
		"  what: " + j.About(),
		"  recorded: " + j.Completeness(),
	}
	if g := j.Guest; g != nil {
		out = append(out, "  hypervisor: "+g.String())
		for _, a := range g.Assumptions() {
			out = append(out, "  assumed: "+a)
		}
	}
	var rules, idle []string
	for _, c := range j.Rules {
		if c.Exercised == 0 {
			idle = append(idle, c.Rule.ID)
			continue
		}
		rules = append(rules, fmt.Sprintf("%s %d", c.Rule.ID, c.Exercised))
	}
	out = append(out, "  rules exercised: "+strings.Join(rules, ", "))
	if len(idle) > 0 {
		out = append(out, "  never exercised: "+strings.Join(idle, ", "))
	}
	return out
}

// String says what the model's hypervisor did, and what was assumed.
func (c *GuestCounts) String() string {
	text := fmt.Sprintf("%d requests and %d stores carried out, %d hypercalls taken up again, %d others; %d entries agree with memory",
		c.Requests, c.Emulated, c.Restarts, c.Others, c.Compared)
	if c.Held > 0 {
		text += fmt.Sprintf("; %d pages held by Xen itself", c.Held)
	}
	if c.Records > 0 {
		text += fmt.Sprintf("; of %d frames that Xen has records of at the end, %d have the model's type and %d its counts", c.Records, c.Types, c.Uses)
	}
	return text
}

// Assumptions are what the recording does not say and was assumed; empty: nothing.
func (c *GuestCounts) Assumptions() (out []string) {
	if !c.Owned {
		out = append(out, "Xen's records of the start are missing: each frame of memory that the guest's tables name is its own")
	}
	if c.Assumed > 0 {
		out = append(out, fmt.Sprintf("%d tables held when they were pinned what they held when they were linked", c.Assumed))
	}
	return out
}
