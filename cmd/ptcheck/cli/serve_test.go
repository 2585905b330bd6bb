package cli

import (
	"bytes"
	"context"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/systems/all"
)

// TestServeEndsByItsContext serves until it is interrupted, which is no failure.
func TestServeEndsByItsContext(t *testing.T) {
	file := scenarioFile(t, "system native\nstart 2level-8f\nsetup_start\n")
	for _, line := range []string{"native --keep=10", "adversary --frames=4", "xen --mutant=B03-xen", file, recordings + "686.rec.gz"} {
		ctx, cancel := context.WithCancel(context.Background())
		out := &stopper{cancel: cancel}
		var errs bytes.Buffer
		code := run(ctx, all.Systems(), append([]string{"serve"}, strings.Fields(line)...), out, &errs)
		if code != exitHolds || !regexp.MustCompile(`^http://127\.0\.0\.1:\d+/[A-Z2-7]{26}/\n$`).MatchString(out.String()) {
			t.Errorf("%s: exit %d, %s%s", line, code, out, errs.String())
		}
	}
}

// TestServeRefuses says in a line what is wrong.
func TestServeRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, taken, _ := strings.Cut(l.Addr().String(), ":")
	file := scenarioFile(t, "system native\nstart 2level-8f\nsetup_start\n")
	for line, want := range map[string]string{
		"natiev":                  `no system is named "natiev"; did you mean native?`,
		"nowhere.pt":              "nowhere.pt",
		"native --port=" + taken:  "port " + taken + " is taken",
		"native --port=-1":        "port -1: want 0 to 65535",
		"native --host=0.0.0.0":   "0.0.0.0 is not an address of the loopback interface",
		"native --keep=0":         "--keep 0: want 1 or more",
		"native --mutant=nothing": `no mutant is named "nothing"`,
		"native --profile=ideal":  "--profile means nothing to system native",
		file + " --mutant=B03":    "a file says itself which bug is planted",
		"":                        "accepts 1 arg",
	} {
		code, out, errs := ptcheck(t, append([]string{"serve"}, strings.Fields(line)...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit %d, %s%s, want %q", line, code, out, errs, want)
		}
	}
}
