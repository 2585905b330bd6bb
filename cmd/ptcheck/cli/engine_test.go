package cli

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
)

// anew is an engine that makes each search anew from its job, as another process does.
type anew struct{ refuse bool }

func (e *anew) Flags(fl *pflag.FlagSet) { fl.BoolVar(&e.refuse, "refuse-it", false, "refuse") }

func (e *anew) Commands() []*cobra.Command {
	return []*cobra.Command{{Use: "more", RunE: func(*cobra.Command, []string) error { return errors.New("more was run") }}}
}

func (e *anew) Explore(ctx context.Context, j Job) (explore.Result, error) {
	if e.refuse {
		return explore.Result{}, errors.New("explore: refused")
	}
	set, err := systems.NewSet(mutants.Bugs, all.Systems()...)
	if err != nil {
		return explore.Result{}, err
	}
	x, err := set.Find(j.System)
	if err != nil {
		return explore.Result{}, err
	}
	var c systems.Change
	if j.Bug != "" {
		if c, err = set.Bug(j.Bug, x); err != nil {
			return explore.Result{}, err
		}
	}
	list, err := x.Searches(j.Values, c)
	if err != nil {
		return explore.Result{}, err
	}
	return list[j.Part].Run(ctx, j.Options)
}

// engined runs a command line with the engine.
func engined(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	p := &program{engine: new(anew)}
	code = p.main(context.Background(), all.Systems(), engineRoot("other"), args, strings.NewReader(""), &o, &e)
	return code, regexp.MustCompile(`(?m)^  [0-9.]+ s, .*\n`).ReplaceAllString(o.String(), ""), e.String()
}

// TestEngine holds that a program with an engine answers as ptcheck does, to the byte.
func TestEngine(t *testing.T) {
	for _, args := range [][]string{
		{"explore", "native", "--depth=3", "--save="}, {"explore", "xen", "--levels=3", "--depth=3", "--strict", "--save="},
		{"explore", "adversary", "--frames=4", "--levels=2", "--depth=3", "--save="}, {"explore", "native", "--frames=3"},
	} {
		code, out, errs := ptcheck(t, args...)
		out = regexp.MustCompile(`(?m)^  [0-9.]+ s, .*\n`).ReplaceAllString(out, "")
		code2, out2, errs2 := engined(args...)
		if code != code2 || out != out2 || errs != errs2 {
			t.Errorf("%v: exit %d\n%s%s\nwant %d\n%s%s", args, code2, out2, errs2, code, out, errs)
		}
	}
}

// TestEngineOnly tries what only such a program has.
func TestEngineOnly(t *testing.T) {
	bug := mutants.All()[0]
	args := []string{"explore", bug.SystemName(), "--mutant=" + bug.ID, "--depth=8", "--save="}
	if code, out, errs := engined(args...); code != exitViolated || !strings.Contains(out, bug.Catch) {
		t.Errorf("%v: exit %d, %s%s", args, code, out, errs)
	}
	for args, want := range map[string]string{
		"explore native --refuse-it --save=":       "ptcheck: explore: refused\n",
		"explore native --mutant=nosuch --save=":   "--mutant: no mutant is named",
		"explore native xen --save=":               "this program goes with one system",
		"explore hyper --save=":                    "this program goes with one scope",
		"explore native --shard=1/2 --part=p":      "this program spreads a search by itself",
		"more":                                     "more was run",
		"explore native --progress=nosuch --save=": "--progress",
	} {
		if code, out, errs := engined(strings.Fields(args)...); code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q, want %q", args, code, out, errs, want)
		}
	}
	if code, out, _ := engined(); code != exitHolds || !strings.Contains(out, "other") {
		t.Errorf("exit %d, %q", code, out)
	}
}
