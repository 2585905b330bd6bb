package cli

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/shards"
)

// split searches in n shards, each a command of its own, and returns the names of their
// parts. Their exit codes are of no interest.
func split(t *testing.T, n int, args ...string) []string {
	t.Helper()
	var names []string
	for k := 1; k <= n; k++ {
		name := filepath.Join(t.TempDir(), "part.json")
		shard := []string{"explore", "--save=", fmt.Sprintf("--shard=%d/%d", k, n), "--part=" + name}
		if code, out, errs := ptcheck(t, append(shard, args...)...); code == exitUsage {
			t.Fatalf("%v: shard %d: %s%s", args, k, out, errs)
		}
		names = append(names, name)
	}
	return names
}

// untimed is a verdict without the lines that depend on the machine.
func untimed(out string) string {
	return regexp.MustCompile(`(?m)^  [0-9.]+ s, .*\n`).ReplaceAllString(out, "")
}

// TestMerge wants of joined parts, in any order, the verdict of one search, to the byte: in
// text, as a report, and as scenarios that are saved. Some shards get nothing.
func TestMerge(t *testing.T) {
	type splitSearch struct {
		args string
		n    int
	}
	for _, c := range longtest.Part(t, []splitSearch{
		{"native xen --depth=4", 2}, {"xen --depth=5", 5}, {"buffer --depth=0", 40}, {"topdown --depth=8", 4}, {"life --combine=1 --depth=4", 3},
		{"hyper --depth=2", 7}, {"adversary --ops=mu,pin --flags=P --depth=4", 2}, {"native --depth=0", 3},
		// What is found by several shards, at several depths; all that is found; what is not split.
		{"xen --budget=60 --depth=5", 3}, {"native xen --budget=25 --depth=4", 4}, {"native --budget=25 --all --depth=4", 3},
		{"xen --max-states=300 --depth=5", 2}, {"native --strategy=random --depth=6", 2}, {"native --strategy=dfs --depth=5", 2},
		{"life-native --depth=3", 2}, {"native --disk=" + t.TempDir() + " --depth=5", 2},
	}, 5) {
		t.Run(c.args, func(t *testing.T) {
			args := strings.Fields(c.args)
			names := split(t, c.n, args...)
			rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			for _, form := range []string{"--format=json", "--strict"} {
				saved := filepath.Join(t.TempDir(), "saved")
				wantCode, want, _ := ptcheck(t, append([]string{"explore", form, "--save=" + saved}, args...)...)
				before := contents(t, saved)
				code, out, errs := ptcheck(t, append([]string{"merge", form, "--save=" + saved}, names...)...)
				if code != wantCode || untimed(out) != untimed(want) || errs != "" {
					t.Errorf("%s: exit %d, want %d; %s\n%s\nwant\n%s", form, code, wantCode, errs, out, want)
				}
				if after := contents(t, saved); after != before {
					t.Errorf("%s: saved\n%s\nwant\n%s", form, after, before)
				}
			}
		})
	}
}

// contents are the files of a folder with their texts.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n%s", f.Name(), text)
	}
	return out.String()
}

// TestShardSays wants a share to say that it is one, and nothing of what it did not exercise.
func TestShardSays(t *testing.T) {
	part, saved := filepath.Join(t.TempDir(), "part.json"), t.TempDir()
	code, out, errs := ptcheck(t, "explore", "xen", "--budget=60", "--depth=5", "--save="+saved, "--shard=2/3", "--part="+part)
	if code != exitViolated || !strings.HasPrefix(out, "xen shard 2 of 3: crashed") || !strings.Contains(out, "; of its 16 starts of the day 5\n") || strings.Contains(out, "vacuous") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(saved, "ptcheck-xen-shard-2-of-3-crash.pt")); err != nil {
		t.Error(err)
	}
	code, out, errs = ptcheck(t, "explore", "adversary", "--save=", "--depth=2", "--shard=2/3", "--part="+part)
	if code != exitHolds || out != "nothing falls to shard 2/3: there are fewer scopes and start-of-day tables than shards\n" || errs != "" {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
}

// TestShardRefused wants one sentence for each share that there is not, for flags that make
// no sense for a share, and for places that cannot be written.
func TestShardRefused(t *testing.T) {
	part := filepath.Join(t.TempDir(), "part.json")
	cases := map[string]string{
		"--shard=1/2": "--shard=1/2: --part names the file", "--part=" + part: "--shard: want K/N", "--shard= --part=" + part: `not ""`,
	}
	for _, shard := range []string{"0/4", "5/4", "x", "-1/4", "1/0", "1/4/4", "/"} {
		cases["--shard="+shard+" --part="+part] = fmt.Sprintf("--shard: want K/N, such as 3/16: a number from 1 to N, and N up to 10000; not %q", shard)
	}
	for _, flag := range []string{"--strict", "--json", "--format=json", "--report=" + t.TempDir(), "--timings"} {
		name, _, _ := strings.Cut(flag, "=")
		cases["--shard=1/2 --part="+part+" "+flag] = name + " is about the whole search: give it to merge"
	}
	for _, flag := range []string{"--checkpoint", "--resume", "--graph"} {
		cases["--shard=1/2 --part="+part+" "+flag+"="+filepath.Join(t.TempDir(), "x")] = "go with a search that is not split"
	}
	if runtime.GOOS != "windows" {
		cases["--shard=1/2 --part=/dev/null/x"] = "--part: mkdir /dev/null: not a directory"
		cases["--shard=1/2 --part=/"] = "is a folder"
	}
	for line, want := range cases {
		code, out, errs := ptcheck(t, slices.Concat([]string{"explore", "native", "--save="}, strings.Split(line, " "))...)
		if code != exitUsage || out != "" || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "ptcheck: explore: ") || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want %q", line, code, out, errs, want)
		}
	}
	if _, err := os.Stat(part); err == nil {
		t.Error("a part was written")
	}
}

// TestShardFullDisk holds that a share whose part cannot be written is no success, and that
// its verdict is there all the same.
func TestShardFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	code, out, errs := ptcheck(t, "explore", "native", "--depth=2", "--save=", "--shard=1/2", "--part=/dev/full")
	if code != exitUsage || !strings.HasPrefix(out, "native shard 1 of 2: holds") || errs != "ptcheck: explore: --part: write /dev/full: no space left on device\n" {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
}

// TestMergeRefused wants one sentence that names the file for parts that do not fit.
func TestMergeRefused(t *testing.T) {
	args := []string{"native", "--depth=2"}
	names := split(t, 2, args...)
	a, b := names[0], names[1]
	deeper, other := split(t, 2, "native", "--depth=3")[1], split(t, 2, "native", "--depth=2", "--levels=2")[1]
	third, both := split(t, 3, args...)[2], split(t, 2, "native", "xen", "--depth=2")[1]
	text, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	made := func(name string, text []byte) string {
		name = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	short, changed := made("short.json", text[:len(text)/2]), made("changed.json", bytes.Replace(text, []byte(`"K":2`), []byte(`"K":1`), 1))
	later := made("later.json", bytes.Replace(text, []byte(`"ptcheck_part":2`), []byte(`"ptcheck_part":9`), 1))
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{a}, "the part of shard 2/2 is missing"},
		{[]string{a, a}, a + " is there twice"},
		{[]string{a, made("copy.json", text), b}, b + " is shard 2/2, and so is "},
		{[]string{a, deeper}, deeper + " was made for --depth=3, but " + a + " for --depth=2"},
		{[]string{a, other}, other + " was made for --levels=2, but " + a + " for --levels="},
		{[]string{a, third}, third + " is shard 3/3, but " + a + " is one of 2"},
		{[]string{a, both}, both + " has 2 searches, but " + a + " has 1"},
		{[]string{a, short}, short + " is no part of a search, or was cut short: unexpected EOF"},
		{[]string{a, changed}, changed + " is damaged: its checksum is wrong"},
		{[]string{a, later}, later + " has form 9; this version of ptcheck reads form 2"},
		{[]string{a, made("empty.json", nil)}, "empty.json is no part of a search"},
		{[]string{a, made("scenario.pt", []byte("system native\n"))}, "scenario.pt is no part of a search"},
		{[]string{a, filepath.Join(t.TempDir(), "none.json")}, "none.json: no such file"},
		{[]string{a, t.TempDir()}, "is a directory"},
		{[]string{a, b, "--report=/dev/null/r"}, "merge: --report: "},
		{[]string{a, b, "--json", "--format=json"}, "both say what to print"},
	} {
		code, out, errs := ptcheck(t, append([]string{"merge", "--save="}, c.files...)...)
		if code != exitUsage || out != "" || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "ptcheck: merge: ") || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want %q", c.files, code, out, errs, c.want)
		}
	}
}

// TestMergeOtherProgram wants a part refused that another program has made, with each part
// changed by itself under a right checksum: version, arguments, initial states, finding.
func TestMergeOtherProgram(t *testing.T) {
	name := split(t, 1, "xen", "--budget=60", "--depth=5")[0]
	for want, change := range map[string]func(*shards.Part){
		"was made by another ptcheck, \"v9\"; this is":                 func(p *shards.Part) { p.Program = "v9" },
		"was made for --levels=, but its arguments are for --levels=3": func(p *shards.Part) { p.Args = append(p.Args, "--levels=3") },
		"unknown flag: --fly":                                func(p *shards.Part) { p.Args = append(p.Args, "--fly") },
		"no system is named \"solaris\"":                     func(p *shards.Part) { p.Args = []string{"solaris"} },
		"xen: its initial states are not those of its shard": func(p *shards.Part) { p.Searches[0].Pieces = p.Searches[0].Pieces[1:] },
		"its finding does not come about here\n":             func(p *shards.Part) { findingOf(p).Rule++ },
		"xen: its finding does not come about here":          func(p *shards.Part) { findingOf(p).Path[0] = 1 << 62 },
		"it counts 1 things, the search ":                    func(p *shards.Part) { r := &p.Searches[0].Pieces[0].Result; r.Counters, r.Levels = r.Counters[:1], nil },
	} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		part, err := shards.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		change(part)
		if data, err = part.Bytes(); err != nil {
			t.Fatal(err)
		}
		other := filepath.Join(t.TempDir(), "other.json")
		if err := os.WriteFile(other, data, 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := ptcheck(t, "merge", "--save=", other)
		if code != exitUsage || out != "" || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "ptcheck: merge: "+other) || !strings.Contains(errs, want) {
			t.Errorf("exit %d, stdout %q, stderr %q; want %q", code, out, errs, want)
		}
	}
}

// findingOf is the first finding of a part.
func findingOf(p *shards.Part) *explore.Finding {
	for i := range p.Searches[0].Pieces {
		if f := p.Searches[0].Pieces[i].Result.Findings; len(f) > 0 {
			return &f[0]
		}
	}
	return nil
}

// TestShardKilled kills a share: it leaves no part, nor anything else.
func TestShardKilled(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "explore", "native", "--lowmem=14", "--depth=0", "--save=", "--shard=1/2", "--part="+filepath.Join(dir, "part.json"))
	cmd.Env = append(os.Environ(), asMain+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second / 2)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// TestShardInterrupted wants the part of a share that was interrupted, and a verdict that
// says so of all of them.
func TestShardInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	args := []string{"native", "--depth=3"}
	names := split(t, 2, args...)
	var out, errs bytes.Buffer
	code := run(ctx, all.Systems(), slices.Concat([]string{"explore", "--save=", "--shard=1/2", "--part=" + names[0]}, args), &out, &errs)
	if code != exitStopped || errs.String() != "" {
		t.Errorf("exit %d, %s%s", code, out.String(), errs.String())
	}
	code, text, _ := ptcheck(t, append([]string{"merge", "--save="}, names...)...)
	if code != exitStopped || !strings.Contains(text, "native: stopped by interrupt at depth 3, nothing found so far") || !strings.Contains(text, "not exercised yet: ") {
		t.Errorf("exit %d, %s", code, text)
	}
}
