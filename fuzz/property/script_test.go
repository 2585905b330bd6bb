package property_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// anyFrame draws the name of a frame.
func anyFrame() *rapid.Generator[script.Frame] {
	return rapid.Custom(func(t *rapid.T) script.Frame {
		f := script.Frame{Class: pick(t, "class", script.ClassPool, script.ClassPath, script.ClassBoot, script.ClassXen, script.ClassShared, script.ClassMachine)}
		switch f.Class {
		case script.ClassPool, script.ClassBoot:
			f.N = rapid.Uint64Range(0, script.PoolFrames-1).Draw(t, "number")
		case script.ClassPath:
			f.N = rapid.Uint64Range(1, model.MaxLevels).Draw(t, "level")
		case script.ClassMachine:
			f.N, f.Hex = rapid.Uint64Range(0, 1<<40-1).Draw(t, "number"), rapid.Bool().Draw(t, "hexadecimal")
		}
		return f
	})
}

// anyArg draws an operand of a kind.
func anyArg(t *rapid.T, kind script.Kind) script.Arg {
	a := script.Arg{Kind: kind, Slot: -1}
	number := func() {
		a.Num, a.Hex = rapid.Uint64().Draw(t, "number"), rapid.Bool().Draw(t, "hexadecimal")
	}
	switch kind {
	case script.KindFrame:
		a.Frame = anyFrame().Draw(t, "frame")
	case script.KindFrameOrZero:
		if rapid.Bool().Draw(t, "named") {
			a.Frame = anyFrame().Draw(t, "frame")
		}
	case script.KindPFN:
		a.Frame = script.Frame{Class: script.ClassPool, N: rapid.Uint64Range(0, 1<<32-2).Draw(t, "number")}
	case script.KindAddr:
		if rapid.Bool().Draw(t, "page") {
			a.Slot = rapid.IntRange(0, script.PoolPages-1).Draw(t, "slot")
		} else {
			number()
		}
	case script.KindEntry:
		a.Bits = anyEntry().Draw(t, "bits")
		if rapid.Bool().Draw(t, "named") {
			a.Frame = anyFrame().Draw(t, "frame")
		} else {
			a.Hex = rapid.Bool().Draw(t, "hexadecimal")
		}
	case script.KindNumber:
		number()
	case script.KindWord:
		a.Word = rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,8}`).Draw(t, "word")
	}
	return a
}

// anyLine draws a line of a script.
func anyLine() *rapid.Generator[script.Line] {
	return rapid.Custom(func(t *rapid.T) script.Line {
		text := rapid.StringMatching(`[a-z]([ a-z#=]{0,8}[a-z])?`)
		var l script.Line
		switch rapid.IntRange(0, 6).Draw(t, "kind of line") {
		case 0:
			return script.Line{Title: text.Draw(t, "title"), IsTitle: true}
		case 1:
			return script.Line{Comment: text.Draw(t, "comment"), HasComment: true}
		}
		spec := rapid.SampledFrom(script.Specs()).Draw(t, "operation")
		kinds := spec.Args
		if spec.Repeat > 0 {
			for range rapid.IntRange(0, 2).Draw(t, "repetitions") {
				kinds = append(kinds[:len(kinds):len(kinds)], spec.Args[len(spec.Args)-spec.Repeat:]...)
			}
		}
		l.Op = &script.Op{Spec: script.Lookup(spec.Name), Name: spec.Name}
		for _, k := range kinds {
			l.Op.Args = append(l.Op.Args, anyArg(t, k))
		}
		if l.HasWant = rapid.Bool().Draw(t, "expectation"); l.HasWant {
			l.Want = text.Draw(t, "answer")
		}
		return l
	})
}

// sameLine compares what two lines mean.
func sameLine(a, b *script.Line) bool {
	if a.IsTitle != b.IsTitle || a.Title != b.Title || a.HasComment != b.HasComment || a.Comment != b.Comment ||
		a.HasWant != b.HasWant || a.Want != b.Want || (a.Op == nil) != (b.Op == nil) {
		return false
	}
	if a.Op == nil {
		return true
	}
	if a.Op.Name != b.Op.Name || len(a.Op.Args) != len(b.Op.Args) {
		return false
	}
	for i := range a.Op.Args {
		x, y := a.Op.Args[i], b.Op.Args[i]
		x.Col, y.Col = 0, 0
		if x != y {
			return false
		}
	}
	return true
}

// TestScriptPrintParse holds that what is printed is read as what it was.
func TestScriptPrintParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &script.File{Lines: rapid.SliceOfN(anyLine(), 0, 12).Draw(t, "lines")}
		text := script.Format(f)
		got, err := script.Parse("random", text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if len(got.Lines) != len(f.Lines) {
			t.Fatalf("%d lines become %d:\n%s", len(f.Lines), len(got.Lines), text)
		}
		for i := range f.Lines {
			if !sameLine(&f.Lines[i], &got.Lines[i]) {
				t.Fatalf("line %d, %q, is read as %q", i+1, f.Lines[i].Append(nil), got.Lines[i].Append(nil))
			}
		}
	})
}

// TestScriptParsePrint holds that the parser takes any text, and that printing
// what it read is the usual form: reading and printing that changes nothing.
func TestScriptParsePrint(t *testing.T) {
	words := []string{"mu", "pin", "f1", "f99", "k1", "0", "3", "0x10", "s4", "f3:PW", "f3:PWQ", "f2:P+0x10", "m0x7:X", "#", "#=", "= ok",
		" ", "\t", "\r", "\n", "t ", "system", "map_lowmem", "+", ":", "-1", "é", "mus"}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte{}
		for range rapid.IntRange(0, 30).Draw(t, "words") {
			w := rapid.OneOf(rapid.SampledFrom(words), rapid.String()).Draw(t, "word")
			text = append(append(text, w...), pick(t, "blank", " ", "", "\n")...)
		}
		f, _ := script.Parse("random", text)
		once := script.Format(f)
		g, _ := script.Parse("random", once)
		if twice := script.Format(g); !bytes.Equal(twice, once) {
			t.Fatalf("%q is printed as %q, and that as %q", text, once, twice)
		}
	})
}
