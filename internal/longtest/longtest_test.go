package longtest

import (
	"slices"
	"testing"
)

func TestPart(t *testing.T) {
	list := []int{0, 1, 2, 3, 4, 5, 6}
	t.Setenv(Env, "")
	if got := Part(t, list, 3); !slices.Equal(got, []int{0, 3, 6}) {
		t.Errorf("every third: %v", got)
	}
	t.Setenv(Env, "1")
	if got := Part(t, list, 3); !slices.Equal(got, list) {
		t.Errorf("long form: %v", got)
	}
}

func TestOnly(t *testing.T) {
	for _, env := range []string{"", "1"} {
		ran := false
		t.Run("long="+env, func(t *testing.T) {
			t.Setenv(Env, env)
			Only(t)
			ran = true
		})
		if ran != (env != "") {
			t.Errorf("%s=%q: ran: %v", Env, env, ran)
		}
	}
}
