package kernel

import (
	"strconv"

	"github.com/ptcheck/ptcheck/model"
)

// Calls of life after boot. Their argument holds a process, -1 for none, and a page
// by its index.

// lifeCall makes a call.
func LifeCall(k model.CallKind, n, page int) Call {
	return Call{Kind: k, Arg: uint32(n+1) | uint32(page)<<4}
}

// LifeArgs are the process and the page that a call names.
func (c Call) LifeArgs() (n, page int) { return int(c.Arg&15) - 1, int(c.Arg >> 4) }

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
	n, page := c.LifeArgs()
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

// maxPages bounds the pages of a process, by what a call can name.
const maxPages = 15
