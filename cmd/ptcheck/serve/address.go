package serve

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mostCalls bounds the ways that are shown, in calls.
const mostCalls = 500

// place is a state of a graph, by the way to it.
type place struct {
	init int
	path []uint64 // codes of calls
}

// by is the place that a call leads to.
func (p place) by(code uint64) place {
	return place{p.init, append(slices.Clip(p.path), code)}
}

// up is the place that the last call was made in; ok is false at a start.
func (p place) up() (place, bool) {
	if len(p.path) == 0 {
		return p, false
	}
	return place{p.init, p.path[:len(p.path)-1]}, true
}

// address is the address of a place of a graph, below the token.
func (g *graph) address(p place) string {
	text := fmt.Sprintf("graph/%s/%d", g.slug, p.init)
	if len(p.path) == 0 {
		return text
	}
	codes := make([]string, len(p.path))
	for i, c := range p.path {
		codes[i] = strconv.FormatUint(c, 16)
	}
	return text + "/" + strings.Join(codes, ".")
}

// parsePlace reads the part of an address behind the graph's name.
func (g *graph) parsePlace(start, way string) (place, error) {
	init, err := strconv.Atoi(start)
	if err != nil || init < 0 || init >= g.inits || strconv.Itoa(init) != start {
		return place{}, fmt.Errorf("%q is no start of %s: there are 0 to %d", start, g.search.Title(), g.inits-1)
	}
	p := place{init: init}
	if way == "" {
		return p, nil
	}
	codes := strings.Split(way, ".")
	if len(codes) > mostCalls {
		return place{}, fmt.Errorf("a way of %d calls: at most %d are shown", len(codes), mostCalls)
	}
	for _, c := range codes {
		code, err := strconv.ParseUint(c, 16, 64)
		if err != nil || strconv.FormatUint(code, 16) != c {
			return place{}, fmt.Errorf("%q is no call: want its code in hexadecimal", c)
		}
		p.path = append(p.path, code)
	}
	return p, nil
}

// tail is the part of a page's address that is the same in each run: what follows the
// token. ok is false for text that is no address of a page.
func tail(address string) (text string, ok bool) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return "", false
	}
	parts := strings.Split(strings.TrimPrefix(u.Path, "/"), "/")
	if len(parts) > 1 && !isPage(parts[0]) {
		parts = parts[1:]
	}
	if !isPage(parts[0]) {
		return "", false
	}
	return (&url.URL{Path: strings.Join(parts, "/"), RawQuery: u.RawQuery}).String(), true
}

// isPage reports whether an address that starts so is worth a bookmark.
func isPage(word string) bool { return word == "graph" || word == "file" }
