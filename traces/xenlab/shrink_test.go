package xenlab

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// has returns a Differs for scripts with all of some lines.
func has(lines ...string) Differs {
	return OneByOne(func(_ context.Context, script []byte) (bool, error) {
		for _, l := range lines {
			if !strings.Contains("\n"+string(script), "\n"+l+"\n") {
				return false, nil
			}
		}
		return true, nil
	})
}

func TestShrinkFindsTheScenario(t *testing.T) {
	script := Generate(11, 500, Profile{})
	script = append(script, "reset\nmu f0 0 f1:PW\nflush\nflush\npin 1 f0\nflush\ntypes\n"...)
	script = append(script, Generate(12, 500, Profile{})...)
	got, err := Shrink(t.Context(), script, 100, has("mu f0 0 f1:PW", "pin 1 f0", "types"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "reset\nmu f0 0 f1:PW\npin 1 f0\ntypes\n"; string(got.Script) != want {
		t.Errorf("got\n%swant\n%s", got.Script, want)
	}
	if !got.Done || got.Rounds > 20 {
		t.Errorf("done %v after %d rounds", got.Done, got.Rounds)
	}
}

func TestShrinkKeepsScenariosThatBelongTogether(t *testing.T) {
	script := []byte("reset\nflush\nclear f1\nreset\nflush\nreset\npin 1 f0\nflush\n")
	got, err := Shrink(t.Context(), script, 100, has("clear f1", "reset\npin 1 f0"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "reset\nclear f1\nreset\npin 1 f0\n"; string(got.Script) != want {
		t.Errorf("got\n%swant\n%s", got.Script, want)
	}
}

func TestShrinkSimplifies(t *testing.T) {
	differs := OneByOne(func(_ context.Context, script []byte) (bool, error) {
		for line := range strings.Lines(string(script)) {
			if strings.HasPrefix(line, "mu") && strings.Contains(line, "7 f3:PW") {
				return true, nil
			}
		}
		return false, nil
	})
	script := []byte("reset\nmus f0 0 f1:PU 7 f3:PWUADK+0x4000000000000000 9 0\n")
	got, err := Shrink(t.Context(), script, 100, differs)
	if err != nil {
		t.Fatal(err)
	}
	if want := "reset\nmu f0 7 f3:PW\n"; string(got.Script) != want {
		t.Errorf("got\n%swant\n%s", got.Script, want)
	}
}

func TestShrinkStops(t *testing.T) {
	script := Generate(11, 500, Profile{})
	got, err := Shrink(t.Context(), script, 3, has("types"))
	if err != nil || got.Rounds != 3 || got.Done {
		t.Errorf("limit 3: %+v, %v", got, err)
	}
	boom := errors.New("boom")
	_, err = Shrink(t.Context(), script, 3, OneByOne(func(context.Context, []byte) (bool, error) { return false, boom }))
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want boom", err)
	}
}

func TestJoinAndCut(t *testing.T) {
	joined, spans := join([][]byte{[]byte("flush\nflush\n"), nil, []byte("types")})
	want := "t oracle batch\nflush\nflush\nreset\nt oracle batch\nreset\nt oracle batch\ntypes\nreset\n"
	if string(joined) != want {
		t.Errorf("joined\n%swant\n%s", joined, want)
	}
	rec := &Recording{Lines: strings.Split("HELLO\nT oracle batch\nR 2 flush = 0\nR 3 flush = 0\nR 4 reset = 0\n"+
		"T oracle batch\nR 6 reset = 0\nT oracle batch\nR 8 types = 0", "\n")}
	results := cut(rec, spans)
	for i, want := range []string{"HELLO\nR 1 flush = 0\nR 2 flush = 0\nEND\n", "HELLO\nEND\n", "HELLO\nR 1 types = 0\n"} {
		if got := string(results[i].Recording.Bytes()); got != want {
			t.Errorf("script %d: got\n%swant\n%s", i, got, want)
		}
	}
}
