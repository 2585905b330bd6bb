package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// ParseCall reads what [Call.String] writes.
func ParseCall(text string) (Call, error) {
	l, err := script.ParseLine(text)
	if err != nil {
		return Call{}, fmt.Errorf("%s", err.Msg)
	}
	if l.Op == nil {
		return Call{}, fmt.Errorf("%q is no call", text)
	}
	return callFrom(l.Op)
}

// callFrom is the call that an operation of a script stands for.
func callFrom(op *script.Op) (Call, error) {
	if op.Spec == nil {
		return Call{}, fmt.Errorf("%s: its operands cannot be read", op.Name)
	}
	switch op.Name {
	case "both":
		return readBoth(op)
	case "cpu1":
		c, err := readWord(op.Args[0].Word, "cpu1")
		c.CPU = 1
		return c, err
	case "refuse":
		return readRefuse(op)
	case "interrupt":
		return readInterrupt(op)
	case "map_all":
		return Call{Kind: model.CallMap, Arg: AllLeaves}, nil
	}
	for k := model.CallKind(1); k < model.NumCalls; k++ {
		if k.String() == op.Name {
			return readArgs(k, op.Args)
		}
	}
	return Call{}, fmt.Errorf("%q is no call of a kernel", op.Name)
}

// readWord reads a single call in one word, its parts joined by colons.
func readWord(word, around string) (Call, error) {
	c, err := ParseCall(severalWords(word))
	if err != nil {
		return c, fmt.Errorf("%s: %w", around, err)
	}
	if c.CPU+c.Refuse > 0 || c.Interrupt > 0 || c.Beside.Kind != model.CallNone {
		return c, fmt.Errorf("%s: %q must be one plain call", around, word)
	}
	return c, nil
}

// readBoth reads two calls and their schedule.
func readBoth(op *script.Op) (Call, error) {
	var halves [2]Call
	for i := range halves {
		var err error
		if halves[i], err = readWord(op.Args[i].Word, "both"); err != nil {
			return Call{}, err
		}
		if halves[i].Arg > 255 {
			return Call{}, fmt.Errorf("both: %q cannot run beside another call", op.Args[i].Word)
		}
	}
	c, err := halves[0], error(nil)
	c.Beside = Half{halves[1].Kind, uint8(halves[1].Arg)}
	c.Sched, err = parseSchedule(op.Args[2].Word)
	return c, err
}

// readRefuse reads the number of a hypercall and a call.
func readRefuse(op *script.Op) (Call, error) {
	c, n, err := readNumbered(op, "refuse", "a hypercall", maxRefused)
	c.Refuse = uint8(n)
	return c, err
}

// readInterrupt reads the number of an operation and a call.
func readInterrupt(op *script.Op) (Call, error) {
	c, n, err := readNumbered(op, "interrupt", "an operation", maxInterrupted)
	c.Interrupt = uint16(n)
	return c, err
}

// readNumbered reads the number of something that happens in a call, counted from 1, and the
// call.
func readNumbered(op *script.Op, name, thing string, most uint64) (c Call, n uint64, err error) {
	if n = op.Args[0].Num; n == 0 || n > most {
		return Call{}, 0, fmt.Errorf("%s: want the number of %s from 1 to %d, not %d", name, thing, most, n)
	}
	c, err = readWord(op.Args[1].Word, name)
	return c, n, err
}

// readArgs reads the arguments of a single call.
func readArgs(k model.CallKind, args []script.Arg) (Call, error) {
	c := Call{Kind: k}
	if k >= model.CallMMAlloc {
		return readLife(k, args)
	}
	var err error
	switch k {
	case model.CallMap, model.CallEarlyRemap:
		c.Arg = uint32(args[0].Frame.N)
	case model.CallRange:
		c.Arg, err = choice(k, args[0].Word, "fixmap", "pkmap")
	case model.CallSwitch:
		c.Arg, err = choice(k, args[0].Word, "kernel", "second")
	case model.CallFixmap, model.CallAlias, model.CallKmap:
		c.Arg = uint32(args[0].Num)
		if args[0].Num > 0xffff {
			err = fmt.Errorf("%v: %d is no index", k, args[0].Num)
		}
	case model.CallEarlyUnmap, model.CallFindTables, model.CallMapRange:
		c.Arg, err = numbered(k, args[0].Word)
	}
	return c, err
}

// choice is the index of a word among those that a call takes.
func choice(k model.CallKind, word string, words ...string) (uint32, error) {
	for i, w := range words {
		if w == word {
			return uint32(i), nil
		}
	}
	return 0, fmt.Errorf("%v: want %s, not %q", k, strings.Join(words, " or "), word)
}

// numbered reads the number of a range or slot, such as r1.
func numbered(k model.CallKind, word string) (uint32, error) {
	digits, ok := strings.CutPrefix(word, string(earlyPrefix(k)))
	n, err := strconv.ParseUint(digits, 10, 6)
	if !ok || err != nil {
		return 0, fmt.Errorf("%v: want an argument such as %c1, not %q", k, earlyPrefix(k), word)
	}
	return uint32(n), nil
}

// readLife reads the process and the page that a call of life after boot names.
func readLife(k model.CallKind, args []script.Arg) (Call, error) {
	n, page := -1, 0
	take := func(most int) (v int, err error) {
		a := args[0]
		args = args[1:]
		if a.Kind == script.KindWord { // mm_switch takes the word kernel, too
			if a.Num, err = strconv.ParseUint(a.Word, 10, 8); err != nil {
				return 0, fmt.Errorf("%v: want a process or kernel, not %q", k, a.Word)
			}
		}
		if a.Num >= uint64(most) {
			return 0, fmt.Errorf("%v: want a number below %d, not %d", k, most, a.Num)
		}
		return int(a.Num), nil
	}
	var err error
	if namesProcess(k) && (k != model.CallMMSwitch || args[0].Word != "kernel") {
		if n, err = take(model.MaxMM); err != nil {
			return Call{}, err
		}
	}
	if namesPage(k) {
		page, err = take(maxPages)
	}
	return LifeCall(k, n, page), err
}
