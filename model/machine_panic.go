package model

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"unicode"
)

// Fault is a mistake of the checker, not of the kernel under test: a panic of the
// machine itself, or of an observer (a rule), in the middle of kernel code. It
// travels as a panic through [Machine.Run].
type Fault struct {
	Text string // what the panic said
	// Stack holds the program counters of the calls that led to it, innermost first.
	Stack []uintptr
}

// Error names the code that panicked and the kernel code that it served.
func (f *Fault) Error() string {
	text := "a fault of the checker: panic"
	at, from := culprits(f.Stack)
	if at.Function != "" {
		text += " in " + place(at)
	}
	if from.Function != "" {
		text += ", called from " + place(from)
	}
	return text + ": " + f.Text
}

// place names a function with its file and line.
func place(f runtime.Frame) string {
	return fmt.Sprintf("%s (%s:%d)", f.Function[strings.LastIndex(f.Function, "/")+1:], f.File[strings.LastIndex(f.File, "/")+1:], f.Line)
}

// ended turns the end of kernel code that has not returned into its death, or passes
// on what is no death of its own. r is what it panicked with, nil if its goroutine
// ends.
func (m *Machine) ended(r any) *Crash {
	if r == nil {
		m.end()
		if m.OnGoexit != nil {
			m.OnGoexit(callers())
		}
		return nil
	}
	if m.dead {
		return &m.crash // whatever the kernel has made of it
	}
	if c, ok := r.(*Crash); ok && c != nil {
		return c
	}
	stack := callers()
	if f, ok := r.(*Fault); ok || !kernelPanics(stack) {
		if !ok {
			f = &Fault{Text: panicText(r), Stack: stack}
		}
		m.end()
		panic(f)
	}
	m.perish(Crash{Kind: CrashGoPanic, Where: panicText(r)})
	return &m.crash
}

// maxStack bounds a recorded stack; the outermost calls of a deeper one are left out.
const maxStack = 128

// callers returns the stack of its caller's caller.
func callers() []uintptr {
	var pcs [maxStack]uintptr
	n := runtime.Callers(3, pcs[:])
	return append([]uintptr(nil), pcs[:n]...)
}

// panicText is what a panic says, in one line of bounded length.
func panicText(r any) string {
	var text string
	switch v := r.(type) {
	case error, fmt.Stringer, string, bool, int, uint, int64, uint64, uintptr, float64:
		text = fmt.Sprint(v)
	default:
		text = fmt.Sprintf("a value of type %T", v) // printing it could show addresses
	}
	const most = 200
	text = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, text)
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "..."
	}
	return text
}

// kernelPanics reports whether a panic, whose stack is that of its handler, is one of
// the kernel's code: what panicked was called by the machine to run kernel code, or
// lies outside of this package. An observer is called to look at a step.
func kernelPanics(stack []uintptr) bool {
	outside := false
	frames := panicking(stack)
	for {
		f, more := frames.Next()
		switch {
		case ours(f.Function):
			switch f.Function {
			case nameOf((*Machine).emit):
				return false
			case nameOf((*Machine).run), nameOf((*Machine).OnOther), nameOf((*Machine).handled):
				return true
			}
			return outside
		case !FromGo(f):
			outside = true
		}
		if !more {
			return outside
		}
	}
}

// culprits finds the innermost code that is no library of Go's, and the innermost
// outside of this package.
func culprits(stack []uintptr) (at, from runtime.Frame) {
	frames := panicking(stack)
	for {
		f, more := frames.Next()
		switch {
		case FromGo(f):
		case at.Function == "":
			at = f
			if !ours(f.Function) {
				return at, from
			}
		case !ours(f.Function):
			return at, f
		}
		if !more {
			return at, from
		}
	}
}

// panicking returns the frames of a handler's stack from the panic on.
func panicking(stack []uintptr) *runtime.Frames {
	skip := 0
	for frames := runtime.CallersFrames(stack); ; skip++ {
		f, more := frames.Next()
		if !ours(f.Function) || !more {
			break
		}
	}
	frames := runtime.CallersFrames(stack)
	for range skip {
		frames.Next()
	}
	return frames
}

// ours reports whether a function, by its full name, is one of this package.
func ours(function string) bool {
	return strings.HasPrefix(function, reflect.TypeFor[Machine]().PkgPath()+".")
}

// FromGo reports whether a frame is one of Go's own libraries, by where its file lies. In
// a program that was built with -trimpath files do not tell; there it is by their import
// paths, which have no dot in the first element, and a module without one is taken for
// theirs.
func FromGo(f runtime.Frame) bool {
	self := runtime.FuncForPC(reflect.ValueOf(runtime.Callers).Pointer())
	file, _ := self.FileLine(self.Entry())
	if root, ok := strings.CutSuffix(file, "runtime/extern.go"); ok && root != "" {
		return strings.HasPrefix(f.File, root)
	}
	first, _, deep := strings.Cut(f.Function, "/")
	pkg, _, _ := strings.Cut(first, ".")
	return deep && pkg == first || !deep && pkg != "main"
}

func nameOf(fn any) string { return runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name() }
