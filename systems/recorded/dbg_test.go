package recorded

import (
	"fmt"
	"testing"
)

func TestDbg(t *testing.T) {
	f := &suspects{}
	known, err := look("x", file("/tmp/gj/live/dom0.rec"))
	if err != nil {
		t.Fatal(err)
	}
	_ = known
	n := 0
	dbgFound = func(x *xenFinding) {
		if n++; n < 40 {
			fmt.Println(x.rule, x.event.Line, x.text)
		}
	}
	replay("x", file("/tmp/gj/live/dom0.rec"), f)
}
