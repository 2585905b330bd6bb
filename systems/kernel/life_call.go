package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// Calls of life after boot. Their argument holds a process, -1 for none, and a page
// by its index.

// lifeCall makes a call.
func LifeCall(k model.CallKind, n, page int) Call {
	return Call{Kind: k, Arg: uint32(n+1) | uint32(page)<<4}
}

// lifeArgs are the process and the page that a call names.
func (c Call) lifeArgs() (n, page int) { return int(c.Arg&15) - 1, int(c.Arg >> 4) }

// namesProcess and namesPage say what a call's text names.
func namesProcess(k model.CallKind) bool {
	switch k {
	case model.CallMMPopulate, model.CallMMActivate, model.CallMMSwitch, model.CallMMExit, model.CallSwapOut:
		return true
	}
	return false
}

func namesPage(k model.CallKind) bool {
	switch k {
	case model.CallMMPopulate, model.CallTouch, model.CallUnmap, model.CallProtNone, model.CallUnprotect, model.CallSwapOut:
		return true
	}
	return false
}

// lifeText is a call as scenario files have it.
func (c Call) lifeText() string {
	text := c.Kind.String()
	n, page := c.lifeArgs()
	switch {
	case n < 0 && c.Kind == model.CallMMSwitch:
		text += " kernel"
	case namesProcess(c.Kind):
		text += " " + strconv.Itoa(n)
	}
	if namesPage(c.Kind) {
		text += " " + strconv.Itoa(page)
	}
	return text
}

// parseLife reads what lifeText writes after the first word.
func parseLife(k model.CallKind, arg string) (Call, error) {
	words := strings.Fields(arg)
	n, page := -1, 0
	take := func(most int) (int, error) {
		if len(words) == 0 {
			return 0, fmt.Errorf("%v: an argument is missing", k)
		}
		v, err := strconv.ParseUint(words[0], 10, 8)
		if err != nil || int(v) >= most {
			return 0, fmt.Errorf("%v: want a number below %d, not %q", k, most, words[0])
		}
		words = words[1:]
		return int(v), nil
	}
	var err error
	switch {
	case k == model.CallMMSwitch && len(words) > 0 && words[0] == "kernel":
		words = words[1:]
	case namesProcess(k):
		if n, err = take(model.MaxMM); err != nil {
			return Call{}, err
		}
	}
	if namesPage(k) {
		if page, err = take(maxPages); err != nil {
			return Call{}, err
		}
	}
	if len(words) > 0 {
		return Call{}, fmt.Errorf("%v: %q is too much", k, strings.Join(words, " "))
	}
	return LifeCall(k, n, page), nil
}

// maxPages bounds the pages of a process, by what a call can name.
const maxPages = 15
