package chooks

import (
	"fmt"
	"strings"
)

// The kinds of messages that are no accessors'. They follow the accessors' numbers.
const (
	hello  = iota // what a table holds
	done          // the hook has returned
	died          // it has ended itself
	signal        // a signal has ended it
	runs          // it has run for too long
	kinds
)

// endings names them in C.
func endings() [kinds]string {
	return [...]string{hello: "HELLO", done: "DONE", died: "DIED", signal: "SIGNAL", runs: "RUNS"}
}

// callsHeader is ptcheck_calls.h: the accessors by their numbers.
func callsHeader() string {
	var b strings.Builder
	b.WriteString("uint64_t ptcheck_ask(struct ptcheck_site at, uint32_t op, uint64_t a, uint64_t b, uint64_t c);\n")
	b.WriteString("void ptcheck_say(struct ptcheck_site at, uint32_t op, const char *text);\n")
	all := accessors()
	for i, a := range all {
		if a.args < 0 {
			fmt.Fprintf(&b, "#define ptcheck_%s(at, text) ptcheck_say((at), %d, (text))\n", a.name, i)
			continue
		}
		given := [...]string{"0", "0", "0"}
		params := "at"
		for n := range a.args {
			p := string(rune('a' + n))
			given[n] = "(uint64_t)(" + p + ")"
			params += ", " + p
		}
		fmt.Fprintf(&b, "#define ptcheck_%s(%s) ptcheck_ask((at), %d, %s)\n", a.name, params, i, strings.Join(given[:], ", "))
	}
	for i, name := range endings() {
		fmt.Fprintf(&b, "#define PTCHECK_%s %d\n", name, len(all)+i)
	}
	return b.String()
}

// hooksHeader is ptcheck_hooks.h: the hooks by their numbers.
func hooksHeader() string {
	var b strings.Builder
	for i, h := range hookTable() {
		macro := "PTCHECK_HOOK"
		if h.value {
			macro = "PTCHECK_HOOK_VALUE"
		}
		fmt.Fprintf(&b, "%s(%d, %s, %s)\n", macro, i, h.name, h.call)
	}
	return b.String()
}
