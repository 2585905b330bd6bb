package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/systems/all"
)

// ptcheck runs the command line and returns what it printed.
func ptcheck(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), all.Systems(), args, &out, &errs)
	return code, out.String(), errs.String()
}

const goldens = "../../../testdata/goldens/"

// edited writes a golden dump with one replacement and returns its path.
func edited(t *testing.T, name, old, now string) string {
	t.Helper()
	data, err := os.ReadFile(goldens + name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s does not contain %q", name, old)
	}
	path := filepath.Join(t.TempDir(), "edited.json")
	if err := os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(now), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// truncated writes the first half of a file and returns its path.
func truncated(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(goldens + name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(path, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func scenarioFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scenario.pt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBadInput wants one line that names what is wrong, and exit code 2.
func TestBadInput(t *testing.T) {
	const plain = "native/2level_nr_fixed1_pse1.json"
	for name, c := range map[string]struct {
		args []string
		want []string // parts of the message
	}{
		"unknown key":        {[]string{"boot", edited(t, plain, `"pse":1`, `"psee":1`)}, []string{"edited.json", "psee"}},
		"wrong type":         {[]string{"boot", edited(t, plain, `"pse":1`, `"pse":"yes"`)}, []string{"edited.json", "pse"}},
		"out of range":       {[]string{"boot", "--check", edited(t, plain, `"nr_fixed":1`, `"nr_fixed":-1`)}, []string{"edited.json", "nr_fixed"}},
		"not hexadecimal":    {[]string{"boot", edited(t, plain, `"page_offset":"0x`, `"page_offset":"0y`)}, []string{"page_offset"}},
		"syntax":             {[]string{"boot", edited(t, plain, `{`, `[`)}, []string{"edited.json"}},
		"truncated gzip":     {[]string{"boot", "--check", truncated(t, "xen/xen_hvslots.json.gz")}, []string{"xen_hvslots.json.gz"}},
		"missing file":       {[]string{"boot", "no-such-file.json"}, []string{"no-such-file.json"}},
		"missing folder":     {[]string{"boot", "--check", "no-such-folder"}, []string{"no-such-folder"}},
		"empty folder":       {[]string{"boot", "--check", t.TempDir()}, []string{"no golden dump"}},
		"two configurations": {[]string{"boot", "a.json", "b.json"}, []string{"want one"}},
		"unknown system":     {[]string{"explore", "solaris"}, []string{"solaris", "native"}},
		"unknown flag":       {[]string{"explore", "--deepness=3"}, []string{"deepness"}},
		"negative depth":     {[]string{"explore", "--depth=-1"}, []string{"--depth -1"}},
		"impossible levels":  {[]string{"explore", "--levels=7"}, []string{"--levels: 7"}},
		"impossible scope":   {[]string{"explore", "native", "--levels=4"}, []string{"native", "no start-of-day"}},
		"impossible lowmem":  {[]string{"explore", "native", "--lowmem=100"}, []string{"100 frames"}},
		"unknown profile":    {[]string{"explore", "xen", "--profile=xen-9"}, []string{"xen-9"}},
		"ignored flag":       {[]string{"explore", "native", "--frames=4"}, []string{"--frames", "native"}},
		"too many frames":    {[]string{"explore", "pvdp", "--frames=99"}, []string{"--frames: 99"}},
		"pvdp alphabet":      {[]string{"explore", "pvdp", "--ops=mu"}, []string{"--ops", "pvdp"}},
		"unknown operation":  {[]string{"explore", "adversary", "--ops=fly"}, []string{"fly"}},
		"unknown rule":       {[]string{"explain", "no-such-rule"}, []string{"no-such-rule"}},
		"no scenario":        {[]string{"replay", "no-such.pt"}, []string{"no-such.pt"}},
		"bad operation":      {[]string{"replay", scenarioFile(t, "system native\nfly f0\n")}, []string{"scenario.pt:2:1", "fly"}},
		"bad operand":        {[]string{"replay", scenarioFile(t, "system native\nstart x\nmap_lowmem 3\n")}, []string{"scenario.pt:3:12"}},
		"no start":           {[]string{"replay", scenarioFile(t, "system native\nsetup_start\n")}, []string{"scenario.pt:2:1", "start"}},
		"not enabled":        {[]string{"replay", scenarioFile(t, "system native\nstart 2level-8f\nzap\n")}, []string{"scenario.pt:3:1", "zap"}},
		"against two":        {[]string{"replay", "--against=x", "a", "b"}, []string{"--against"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := ptcheck(t, c.args...)
			if code != exitUsage || out != "" {
				t.Errorf("exit %d, stdout %q; want exit 2 and nothing", code, out)
			}
			if strings.Count(errs, "\n") != 1 {
				t.Errorf("want one line, got %q", errs)
			}
			for _, part := range c.want {
				if !strings.Contains(errs, part) {
					t.Errorf("%q does not name %q", errs, part)
				}
			}
		})
	}
}

// TestCheckFindsDifference alters one entry of a recording.
func TestCheckFindsDifference(t *testing.T) {
	path := edited(t, "native/2level_poc0_pse1_pge1_nx0_m1000_hm1_z0.json", `[768,4,"0x1e3","0x400000"]`, `[768,4,"0x1e1","0x400000"]`)
	code, out, errs := ptcheck(t, "boot", "--check", path)
	if code != exitViolated {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	if !strings.Contains(out, "slot 768") || !strings.HasSuffix(out, "1 checked, 1 differ\n") {
		t.Errorf("got %s", out)
	}
}

func TestBootOutputs(t *testing.T) {
	const path = goldens + "native/2level_nr_fixed1_pse1.json"
	code, out, _ := ptcheck(t, "boot", "--json", path)
	want, err := os.ReadFile(path)
	if err != nil || code != exitHolds || strings.TrimSpace(out) != strings.TrimSpace(string(want)) {
		t.Errorf("--json is not the recording: exit %d, %v", code, err)
	}
	if _, out, _ = ptcheck(t, "boot", "--trace", path); !strings.HasPrefix(out, "setup_start\n") || !strings.Contains(out, "\nload_cr3 ") {
		t.Errorf("--trace: %.100q", out)
	}
	if _, out, _ = ptcheck(t, "boot", "--dump", path); !strings.HasPrefix(out, "T ") || !strings.Contains(out, "\nE 768 ") {
		t.Errorf("--dump: %.100q", out)
	}
	if _, out, _ = ptcheck(t, "boot", path); !strings.Contains(out, "2level_nr_fixed1_pse1: native 2level: ok") {
		t.Errorf("summary: %q", out)
	}
}

// TestExploreJSON wants the agreed numbers of PV-DP(3,2,1) under the agreed keys.
func TestExploreJSON(t *testing.T) {
	code, out, errs := ptcheck(t, "explore", "pvdp", "--frames=3", "--levels=2", "--slots=1", "--depth=0", "--json")
	var got struct {
		States, Transitions, Diameter int
		Complete                      bool
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitHolds {
		t.Fatalf("exit %d, %v, %s", code, err, errs)
	}
	if got.States != 4140 || got.Transitions != 46284 || got.Diameter != 10 || !got.Complete {
		t.Errorf("got %+v", got)
	}
}

// TestLimitsExit wants exit code 3 when a limit ends the run.
func TestLimitsExit(t *testing.T) {
	code, out, _ := ptcheck(t, "explore", "pvdp", "--depth=0", "--max-states=1000", "--workers=1")
	if code != exitStopped || !strings.Contains(out, "stopped by states") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// TestDepthBoundIsNoLimit wants exit code 0: the depth was the question.
func TestDepthBoundIsNoLimit(t *testing.T) {
	code, out, _ := ptcheck(t, "explore", "native", "--depth=3", "--save=")
	if code != exitHolds || !strings.Contains(out, "holds to depth 3, not complete") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// TestCounterexampleRoundTrip finds Xen 4.17's leak, saves it and replays it.
func TestCounterexampleRoundTrip(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := ptcheck(t, "explore", "adversary", "--ops=mu,pin", "--flags=P", "--depth=4", "--save", dir)
	if code != exitViolated {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	saved := filepath.Join(dir, "ptcheck-adversary-counts-agree.pt")
	if !strings.Contains(strings.ReplaceAll(out, "\\\n", ""), "replay: ptcheck replay "+saved) {
		t.Errorf("no replay command in %s", out)
	}
	code, out, _ = ptcheck(t, "replay", saved)
	if code != exitViolated || !strings.Contains(out, "violated counts-agree") {
		t.Errorf("replay: exit %d, %s", code, out)
	}
	if code, _, errs = ptcheck(t, "replay", "--rewrite", saved); code != exitHolds {
		t.Errorf("rewrite: exit %d, %s", code, errs)
	}
	if code, out, _ = ptcheck(t, "replay", saved); code != exitHolds {
		t.Errorf("expected answers: exit %d, %s", code, out)
	}
}

// TestReplayAgainstRecording compares with a real Xen's answers, and notices an
// altered one.
func TestReplayAgainstRecording(t *testing.T) {
	const table = "../../../testdata/xen-lab/scenarios/table64"
	code, out, _ := ptcheck(t, "replay", table+".txt")
	if code != exitHolds || !strings.Contains(out, "agrees with") {
		t.Errorf("exit %d, %.200s", code, out)
	}
	data, err := os.ReadFile(table + ".out")
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.out")
	if err := os.WriteFile(other, bytes.Replace(data, []byte("= -EBUSY"), []byte("= 0"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ = ptcheck(t, "replay", "--against", other, table+".txt")
	if code != exitViolated || !strings.Contains(out, "\n- R 10 map s1 f0:PW = 0\n+ R 10 map s1 f0:PW = -EBUSY\n") {
		t.Errorf("exit %d, ...%s", code, out[max(0, len(out)-400):])
	}
}

// TestMutants wants the kill matrix, and a refusal of what is not there.
func TestMutants(t *testing.T) {
	code, out, _ := ptcheck(t, "mutants", "B08", "X02")
	if code != exitHolds || !strings.HasSuffix(out, "2 of 2 caught\n") || !strings.Contains(out, "store-rejected") {
		t.Errorf("exit %d, %s", code, out)
	}
	code, out, _ = ptcheck(t, "mutants", "B02", "--json")
	var got []struct {
		ID     string
		Caught bool
		Rule   string
		Steps  int
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitHolds || len(got) != 1 || !got[0].Caught || got[0].Rule != "leaf-rewritten" || got[0].Steps != 2 {
		t.Errorf("exit %d, %v, %s", code, err, out)
	}
	if code, _, errs := ptcheck(t, "mutants", "B99"); code != exitUsage || !strings.Contains(errs, "B99") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestListAndExplain(t *testing.T) {
	_, out, _ := ptcheck(t, "list")
	for _, part := range []string{"tables-read-only", "native", "xen", "pvdp"} {
		if !strings.Contains(out, part) {
			t.Errorf("list lacks %s", part)
		}
	}
	code, out, _ := ptcheck(t, "explain", "tables-read-only")
	if code != exitHolds || !strings.Contains(out, "No writable mapping of a table page exists.") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// TestSearchModes wants the same counts from every way of searching.
func TestSearchModes(t *testing.T) {
	dir := t.TempDir()
	for _, extra := range [][]string{
		{"--workers=1"}, {"--workers=2"}, {"--store=hash128"}, {"--disk=" + filepath.Join(dir, "disk"), "--max-memory=16"},
		{"--checkpoint=" + filepath.Join(dir, "progress")},
	} {
		code, out, errs := ptcheck(t, append([]string{"explore", "pvdp", "--frames=3", "--depth=0"}, extra...)...)
		if code != exitHolds || !strings.Contains(out, "4140 states, 46284 transitions, diameter 10") {
			t.Errorf("%v: exit %d, %s%s", extra, code, out, errs)
		}
	}
	// A checkpoint of another scope is refused.
	code, _, errs := ptcheck(t, "explore", "pvdp", "--frames=4", "--depth=0", "--resume="+filepath.Join(dir, "progress"))
	if code != exitUsage || !strings.Contains(errs, "made for --frames=3, this search has --frames=4") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestResume stops a search by a limit and goes on from its checkpoint.
func TestResume(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "progress")
	frames, most, want := "--frames=3", "--max-states=1000", "4140 states, 46284 transitions, diameter 10"
	if longtest.On() {
		frames, most, want = "--frames=4", "--max-states=60000", "248384 states, 4715072 transitions, diameter 11"
	}
	args := []string{"explore", "pvdp", frames, "--depth=0", "--workers=1"}
	code, out, errs := ptcheck(t, append(args, "--checkpoint="+dir, most)...)
	if code != exitStopped {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	code, out, errs = ptcheck(t, append(args, "--resume="+dir)...)
	if code != exitHolds || !strings.Contains(out, want) {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
}

// TestSymmetrySwitch compares the quotient with the full graph.
func TestSymmetrySwitch(t *testing.T) {
	runs := map[string]string{
		"pvdp --frames=3 --symmetry=off":  "4140 states, 46284 transitions",
		"pvdp --frames=3 --symmetry=on":   "700 states up to symmetry for 4140, 7814 transitions for 46284",
		"native --levels=3 --symmetry=on": "6446 states up to symmetry for 63697, 72097 transitions for 726014, diameter 12",
	}
	if longtest.On() {
		runs["pvdp --symmetry=off"] = "248384 states, 4715072 transitions"
		runs["pvdp --symmetry=on"] = "10710 states up to symmetry for 248384, 202476 transitions for 4715072, diameter 8"
		runs["native --symmetry=auto"] = "27272 states, 312123 transitions, diameter 20"
		runs["native --symmetry=on"] = "11006 states up to symmetry for 73714, 119757 transitions for 825912, diameter 20"
	}
	for args, want := range runs {
		if code, out, errs := ptcheck(t, append([]string{"explore", "--depth=0"}, strings.Fields(args)...)...); code != exitHolds || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d, %s%s", args, code, out, errs)
		}
	}
	if code, _, errs := ptcheck(t, "explore", "native", "--symmetry=frames"); code != exitUsage || !strings.Contains(errs, "frames") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// TestStrict wants exit code 1 when something was never exercised.
func TestStrict(t *testing.T) {
	whole := longtest.Part(t, []string{"buffer", "native", "topdown"}, 3)
	if code, out, _ := ptcheck(t, append([]string{"explore", "--depth=0", "--strict", "--save="}, whole...)...); code != exitHolds {
		t.Errorf("complete: exit %d, %s", code, out)
	}
	code, out, _ := ptcheck(t, "explore", "native", "--depth=2", "--strict", "--save=")
	if code != exitViolated || !strings.Contains(out, "vacuous: zap was never exercised") {
		t.Errorf("depth 2: exit %d, %s", code, out)
	}
}

// TestGraph wants a refusal above the limit, and a file below it.
func TestGraph(t *testing.T) {
	file := filepath.Join(t.TempDir(), "graph.dot")
	if code, _, errs := ptcheck(t, "explore", "pvdp", "--frames=3", "--depth=0", "--graph="+file); code != exitUsage || !strings.Contains(errs, "edges") {
		t.Errorf("exit %d, %s", code, errs)
	}
	if code, _, errs := ptcheck(t, "explore", "pvdp", "--frames=3", "--depth=1", "--graph="+file); code != exitHolds {
		t.Fatalf("exit %d, %s", code, errs)
	}
	data, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(data, []byte("digraph \"pvdp\" {\n")) {
		t.Errorf("%v, %.40q", err, data)
	}
}
