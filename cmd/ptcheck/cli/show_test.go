package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/cmd/ptcheck/show"
	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/systems/all"
)

const stepped = "system xen\nstart 3level-xen-3.1-16f-12mapped-3stale-nx\nsetup_start\nmap_lowmem f1\n"

// TestShowFlags prints what is asked for, and nothing else.
func TestShowFlags(t *testing.T) {
	file := scenarioFile(t, stepped)
	for _, x := range []struct {
		args string
		want []string
	}{
		{"--step 2.2", []string{"2.2    emulated-store f5+0x8, 4 bytes", "f5[1]: f1:PUA -> f1:PAD"}},
		{"--step 0", []string{"0      start 3level"}},
		{"--watch f5", []string{"watch f5: changes at 2.2, map_lowmem f1", "2      map_lowmem f1 = ok"}},
		{"--walk f1 --walk fix:1", []string{"L1 f5[1]  f1:PAD", "not present at L2"}},
		{"--step 1 --table f5", []string{"1      setup_start = ok", "[1] f1:PUA\n"}},
		{"--frames", []string{"f1     swapper_pg_dir; L3 under CR3"}},
	} {
		code, out, errs := ptcheck(t, append([]string{"show", file}, strings.Fields(x.args)...)...)
		if code != exitHolds || errs != "" {
			t.Errorf("%s: exit %d, %s", x.args, code, errs)
		}
		for _, part := range x.want {
			if !strings.Contains(out, part) {
				t.Errorf("%s: %q lacks %q", x.args, out, part)
			}
		}
	}
	for args, want := range map[string]string{
		"--step 9": "there is no call 9", "--step x": "is not a place", "--watch q": `cannot watch "q"`, "--walk 12": "is not an address", "--table f99": "f0 to f15",
	} {
		if code, _, errs := ptcheck(t, append([]string{"show", file}, strings.Fields(args)...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", args, code, errs)
		}
	}
}

// TestShowListens gives commands through a pipe.
func TestShowListens(t *testing.T) {
	file := scenarioFile(t, stepped)
	for _, x := range []struct {
		in, out, errs string
		code          int
	}{
		{"1\nnext\nquit\nbogus\n", "2.1    emulated-store f5+0xc", "", exitHolds},
		{"bogus\nlast\n", "2      map_lowmem f1 = ok", "command 1: no command is named \"bogus\"", exitUsage},
		{"", "", "", exitHolds},
	} {
		var out, errs bytes.Buffer
		code := runWith(context.Background(), all.Systems(), []string{"show", file}, strings.NewReader(x.in), &out, &errs)
		if code != x.code || !strings.Contains(out.String(), x.out) || !strings.Contains(errs.String(), x.errs) || (x.errs == "") != (errs.Len() == 0) {
			t.Errorf("%q: exit %d, %q, %q", x.in, code, out.String(), errs.String())
		}
	}
}

// TestShowCompletes completes commands at the tabulator key, if one fits.
func TestShowCompletes(t *testing.T) {
	set, err := mutants.Set()
	if err != nil {
		t.Fatal(err)
	}
	f, err := set.Parse("x.pt", []byte(stepped))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s, err := show.New(&out, f)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{"wal": "walk ", "g": "goto ", "unw": "unwatch ", "break hooks.MapLowmemL": "break hooks.MapLowmemLeaf ", "break MapLowmemL": "break MapLowmemLeaf "} {
		if got, at, ok := complete(&out, s, line, len(line), '\t'); got != want || at != len(want) || !ok {
			t.Errorf("%q: %q, %d, %t", line, got, at, ok)
		}
	}
	for line, listed := range map[string]string{"wa": "walk watch\n", "x": "", "": "", "goto 1": ""} {
		out.Reset()
		if _, _, ok := complete(&out, s, line, len(line), '\t'); ok || out.String() != listed {
			t.Errorf("%q: completed %t, lists %q", line, ok, out.String())
		}
	}
	if _, _, ok := complete(&out, s, "wal", 3, 'k'); ok {
		t.Error("completed at another key")
	}
}

// TestPictures draws a boot as text and as a picture.
func TestPictures(t *testing.T) {
	code, out, _ := ptcheck(t, "boot", "--map", plainBoot())
	if code != exitHolds || !strings.Contains(out, "low memory") || !strings.Contains(out, "tables:\n  L2") {
		t.Errorf("exit %d, %s", code, out)
	}
	file := filepath.Join(t.TempDir(), "a.svg")
	code, out, _ = ptcheck(t, "boot", "--svg", file, plainBoot())
	picture, err := os.ReadFile(file)
	if code != exitHolds || out != "" || err != nil || !bytes.Contains(picture, []byte("<title id=\"title\">Page tables of 2level_nr_fixed1_pse1</title>")) {
		t.Errorf("exit %d, %s, %v, %.100s", code, out, err, picture)
	}
	// A kernel that died is drawn too, and still is no success.
	if code, out, _ = ptcheck(t, "boot", "--map", goldens+"odd/native2_oom.json"); code != exitViolated || !strings.Contains(out, "outcome panic") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// TestDiff compares dumps with one another and with what booting gives.
func TestDiff(t *testing.T) {
	one := goldens + "native/2level_poc0_pse1_pge1_nx0_m1000_hm1_z0.json"
	changed := edited(t, "native/2level_poc0_pse1_pge1_nx0_m1000_hm1_z0.json", `[768,4,"0x1e3","0x400000"]`, `[768,4,"0x1e1","0x400000"]`)
	config := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(config, bareConfig(t, one), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{one, one}, exitHolds, ""},
		{[]string{one, config}, exitHolds, ""},
		{[]string{one, changed}, exitViolated, "c0000000-c0ffffff 16M\n- rwx k 4M PWADSG 0x0-0xfff\n+ r-x k 4M PADSG 0x0-0xfff\n"},
		{[]string{"--ignore=rw", one, changed}, exitHolds, ""},
		{[]string{one, plainBoot()}, exitViolated, "+++ " + plainBoot()},
		{[]string{one, "no-such.json"}, exitUsage, "no-such.json"},
		{[]string{one, scenarioFile(t, "{")}, exitUsage, "scenario.pt:1:"},
	} {
		code, out, errs := ptcheck(t, append([]string{"diff"}, x.args...)...)
		if code != x.code || !strings.Contains(out+errs, x.want) || code == exitHolds && out != "" {
			t.Errorf("%v: exit %d, %s%s; want exit %d and %q", x.args, code, out, errs, x.code, x.want)
		}
	}
}

// bareConfig is the configuration in a dump, alone.
func bareConfig(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := bytes.Cut(data, []byte(`"config":`))
	config, _, ok2 := bytes.Cut(rest, []byte(`,"outcome"`))
	if !ok || !ok2 {
		t.Fatalf("%s: no config", path)
	}
	return config
}
