package cli

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/reports"
)

// leak is a search that finds Xen 4.17's leak.
func leak(more ...string) []string {
	return append([]string{"explore", "adversary", "--ops=mu,pin", "--flags=P", "--depth=4", "--save="}, more...)
}

// TestReportFolder wants every format and the scenario, the same bytes whatever
// the number of workers, and no trace of the machine.
func TestReportFolder(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	for dir, workers := range map[string]string{one: "1", two: "2"} {
		if code, out, errs := ptcheck(t, leak("--report", dir, "--workers", workers)...); code != exitViolated {
			t.Fatalf("exit %d, %s%s", code, out, errs)
		}
	}
	names := []string{"ptcheck-adversary-counts-agree.pt"}
	for _, f := range reports.Formats() {
		names = append(names, f.File)
	}
	left, err := os.ReadDir(one)
	if err != nil || len(left) != len(names) {
		t.Errorf("%d files, want %d; %v", len(left), len(names), err)
	}
	for _, name := range names {
		a, err := os.ReadFile(filepath.Join(one, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(two, name))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs from one run to the next, %v", name, err)
		}
		if len(a) == 0 || bytes.Contains(a, []byte(one)) {
			t.Errorf("%s is empty or names its folder", name)
		}
	}
}

// TestReportReplays replays the scenario of a report folder in that folder.
func TestReportReplays(t *testing.T) {
	dir := t.TempDir()
	ptcheck(t, leak("--report", dir)...)
	text, err := os.ReadFile(filepath.Join(dir, "report.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, command, _ := strings.Cut(string(text), "replay: ptcheck ")
	args := strings.Fields(strings.SplitN(command, "\n", 2)[0])
	t.Chdir(dir)
	if code, out, errs := ptcheck(t, args...); code != exitViolated || !strings.Contains(out, "violated counts-agree") {
		t.Errorf("%v: exit %d, %s%s", args, code, out, errs)
	}
}

// TestFormats wants each format alone on standard output, from explore and from
// replay.
func TestFormats(t *testing.T) {
	dir := t.TempDir()
	ptcheck(t, leak("--report", dir)...)
	scenario := filepath.Join(dir, "ptcheck-adversary-counts-agree.pt")
	for _, args := range [][]string{leak(), {"replay", scenario}} {
		for format, start := range map[string]string{"text": "ptcheck ", "markdown": "### ", "html": "<!doctype html>", "json": "{\n \"schema\": 1", "sarif": "{\n \"$schema\"", "junit": "<?xml "} {
			code, out, errs := ptcheck(t, append(args, "--format", format)...)
			if code != exitViolated || !strings.HasPrefix(out, start) || strings.Contains(out, "states/s") {
				t.Errorf("%v --format %s: exit %d, %.80q %s", args[0], format, code, out, errs)
			}
			switch format {
			case "json", "sarif":
				if !json.Valid([]byte(out)) {
					t.Errorf("%s: no JSON", format)
				}
			case "junit":
				if err := xml.Unmarshal([]byte(out), new(struct{})); err != nil {
					t.Errorf("%s: %v", format, err)
				}
			}
		}
	}
}

// TestBothBackendsReport wants reports of searches that find nothing.
func TestBothBackendsReport(t *testing.T) {
	code, out, errs := ptcheck(t, "explore", "--depth=3", "--save=", "--format=json")
	var r reports.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitHolds || len(r.Runs) != 2 {
		t.Fatalf("exit %d, %d runs, %v %s", code, len(r.Runs), err, errs)
	}
	for _, run := range r.Runs {
		if run.Verdict != reports.Holds || run.Stats == nil || run.Stats.States == 0 || len(run.Coverage) != 2 || run.Timings != nil {
			t.Errorf("%+v", run)
		}
	}
	if _, out, _ = ptcheck(t, "explore", "native", "--depth=3", "--format=json", "--timings"); !strings.Contains(out, `"timings"`) {
		t.Error("--timings changes nothing")
	}
}

// TestReplayReports wants the verdict of a script of hypercalls and of a scenario
// that differs from what it expects.
func TestReplayReports(t *testing.T) {
	const table = "../../../testdata/xen-lab/scenarios/table64.txt"
	code, out, errs := ptcheck(t, "replay", table, "--format=json")
	if code != exitHolds || !strings.Contains(out, `"verdict": "holds"`) {
		t.Errorf("exit %d, %.200s%s", code, out, errs)
	}
	file := filepath.Join(t.TempDir(), "wrong.pt")
	text := "system native\nstart 2level-8f\nsetup_start #= crashed\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs = ptcheck(t, "replay", file, "--format=json")
	if code != exitViolated || !strings.Contains(out, `"verdict": "differs"`) {
		t.Errorf("exit %d, %.300s%s", code, out, errs)
	}
}

// TestMutantReports wants a folder for each mutant, told, and in it a scenario that replays
// with the bug.
func TestMutantReports(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := ptcheck(t, "mutants", "B02", "X43", "--report", dir)
	if code != exitHolds {
		t.Fatalf("exit %d, %s", code, errs)
	}
	for id, part := range map[string]string{"B02": "violated: leaf-rewritten", "X43": "violated: tables-read-only"} {
		data, err := os.ReadFile(filepath.Join(dir, id, "report.txt"))
		if err != nil || !strings.Contains(string(data), part) {
			t.Errorf("%s: %v, %s", id, err, data)
		}
		if told := id + ": report.* and the scenario in " + filepath.Join(dir, id) + "\n"; !strings.Contains(out, told) {
			t.Errorf("%q is not told:\n%s", told, out)
		}
		scenarios, err := filepath.Glob(filepath.Join(dir, id, "*.pt"))
		if err != nil || len(scenarios) != 1 || !strings.Contains(string(data), "replay "+filepath.Base(scenarios[0])) {
			t.Fatalf("%s: scenarios %v, %v", id, scenarios, err)
		}
		if code, out, errs := ptcheck(t, "replay", scenarios[0]); code != exitHolds || !strings.Contains(out, part) {
			t.Errorf("%s: replayed, exit %d, %s%s", id, code, out, errs)
		}
	}
}

// TestReportRefusals wants what cannot be to be refused before anything runs.
func TestReportRefusals(t *testing.T) {
	for _, args := range [][]string{
		{"explore", "native", "--format=pdf"}, {"explore", "native", "--json", "--format=json"}, {"replay", "x.pt", "--format=pdf"},
	} {
		if code, _, errs := ptcheck(t, args...); code != exitUsage || !strings.Contains(errs, "--format") {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
}

// TestOldJSON wants the keys that explore --json has always had.
func TestOldJSON(t *testing.T) {
	_, out, _ := ptcheck(t, leak("--json")...)
	var got struct {
		Systems []struct {
			Findings []map[string]any
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	f := got.Systems[0].Findings[0]
	for _, key := range []string{"System", "Start", "Frames", "Rule", "Says", "Source", "Crash", "Detail", "Calls", "Steps", "Before", "After", "Replay"} {
		if _, ok := f[key]; !ok {
			t.Errorf("no %s", key)
		}
	}
	if calls, ok := f["Calls"].([]any); !ok || len(calls) != 4 || calls[3] != "pin 4 f4" {
		t.Errorf("calls %v", f["Calls"])
	}
}
