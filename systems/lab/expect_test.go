package lab

import (
	"bytes"
	"testing"

	"github.com/ptcheck/ptcheck/model/script"
)

// TestExpectations writes the answers into a script, reads it back and checks it.
func TestExpectations(t *testing.T) {
	src := []byte("t one\nreset\npin 1 f0 # a remark goes\npin 1 f0\nmus f0 0 f1:P 1 f0:PW\njump\n")
	answers := func(src []byte) (*script.File, []string) {
		f, _ := script.Parse("s", src)
		play, err := Run(Config{Bits: 64}, src)
		if err != nil {
			t.Fatal(err)
		}
		return f, play.Answers(f)
	}
	f, got := answers(src)
	Expect(f, got)
	text := script.Format(f)
	want := "t one\nreset  #= 0\npin 1 f0  #= 0\npin 1 f0  #= -EINVAL\nmus f0 0 f1:P 1 f0:PW  #= done=1 -EBUSY\njump\n"
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	f, got = answers(text)
	if m := Check(f, got); m != nil {
		t.Errorf("mismatches %v", m)
	}
	f, got = answers(bytes.Replace(text, []byte("#= -EINVAL"), []byte("#= 0"), 1))
	if m := Check(f, got); len(m) != 1 || m[0] != (Mismatch{4, "-EINVAL", "0"}) {
		t.Errorf("mismatches %v", m)
	}
}
