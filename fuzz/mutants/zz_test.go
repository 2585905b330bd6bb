package mutants

import (
	"context"
	"strings"
	"testing"
)

func TestZZ(t *testing.T) {
	var list []Mutant
	for _, m := range hyperHarmless() {
		if strings.HasPrefix(m.ID, "hyper-un") {
			list = append(list, m)
		}
	}
	results, err := RunAll(context.Background(), list, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		t.Log(list[i].ID, r.Fired, r.Steps, r.States, r.Depth, r.Complete)
	}
}
