package main

import (
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// peersDir has the sources of the peers.
const peersDir = "internal/bench/peers"

// peer is a program that searches PV-DP graphs only, and the ways to build and call it, of
// which the fastest is measured.
type peer struct {
	name  string
	tools []string
	ways  []way
	build func(b *bench, compiler string) (exe string, err error)
	count func(*entrant) (states, transitions uint64, err error)
	more  uint64
}

// way is a compiler with its flags, and arguments of the program.
type way struct{ compiler, args string }

// cName is how the C search is called.
const cName = "C, 1 thread"

// peers of a graph with so many states. SPIN knows no symmetry.
func peers(x graph, states uint64) []*peer {
	if x.symmetric {
		return []*peer{cPeer(x)}
	}
	return []*peer{cPeer(x), spinPeer(x, states)}
}

// lacks is a tool that is missing, "" if all are there.
func (p *peer) lacks() string {
	for _, t := range p.tools {
		if _, err := exec.LookPath(t); err != nil {
			return t
		}
	}
	return ""
}

// choose builds a peer by each compiler, once, and returns the fastest of its ways, and how it
// is built and called.
func (p *peer) choose(b *bench) (fastest *rival, how string, err error) {
	built, ways := map[string]string{}, map[*entrant]string{}
	var same []*entrant
	for _, w := range p.ways {
		if built[w.compiler] == "" {
			if built[w.compiler], err = p.build(b, w.compiler); err != nil {
				return nil, "", fmt.Errorf("%s: %w", p.name, err)
			}
		}
		e := &entrant{name: p.name, command: append([]string{built[w.compiler]}, strings.Fields(w.args)...)}
		ways[e] = strings.TrimSpace(w.compiler + " " + w.args)
		same = append(same, e)
	}
	best, err := b.fastest(same)
	if err != nil {
		return nil, "", err
	}
	return &rival{entrant: best, count: p.count, more: p.more}, ways[best], nil
}

// cPeer is a breadth-first search that is written for this one graph.
func cPeer(x graph) *peer {
	defines := " -march=native -DNT=1"
	if x.symmetric {
		defines += " -DSYM=3" // of frames and of slots, as ptcheck's
	}
	p := &peer{name: cName, tools: []string{"gcc"}, count: countBy(`distinct=(\d+)`, `edges=(\d+)`)}
	for _, level := range []string{"gcc -O3", "gcc -O2"} {
		p.ways = append(p.ways, way{compiler: level + defines})
	}
	p.build = func(b *bench, compiler string) (string, error) {
		dir, err := os.MkdirTemp(b.dir, "c")
		if err != nil {
			return "", err
		}
		exe := filepath.Join(dir, "dp")
		words := append(strings.Fields(compiler), fmt.Sprintf("-DN=%d", x.frames), fmt.Sprintf("-DL=%d", x.levels), fmt.Sprintf("-DE=%d", x.slots),
			"-o", exe, filepath.Join(peersDir, "dp.c"), "-lpthread")
		return exe, b.build(compiler, words[0], words[1:]...)
	}
	return p
}

// spinPeer is SPIN's exact depth-first search of the same hypervisor as embedded C. Its stack
// has room for a path through all states, and its table, which does not grow, for about as many
// or for four times as many.
func spinPeer(x graph, states uint64) *peer {
	p := &peer{name: "SPIN, exact", tools: []string{"spin", "gcc", "python3"}, more: 1, count: countBy(`(\d+) states, stored`, `(\d+) transitions`)}
	// Partial order reduction has nothing to do in a model of one process.
	for _, compiler := range []string{"gcc -O3 -march=native -DNOREDUCE", "gcc -O2 -DNOREDUCE", "gcc -O2"} {
		for _, more := range []int{0, 2} {
			p.ways = append(p.ways, way{compiler + " -w -DSAFETY -DNOFAIR -DMEMLIM=5800", fmt.Sprintf("-m%d -w%d", states+2, bits.Len64(states)+more)})
		}
	}
	p.build = func(b *bench, compiler string) (string, error) { return b.verifier(x, compiler) }
	return p
}

// verifier writes the Promela model with embedded C, has SPIN make a verifier and
// compiles it.
func (b *bench) verifier(x graph, compiler string) (string, error) {
	dir, err := os.MkdirTemp(b.dir, "spin")
	if err != nil {
		return "", err
	}
	source, err := filepath.Abs(peersDir)
	if err != nil {
		return "", err
	}
	// spin complains of side effects in guards, which are meant, and exits with an error;
	// what counts is that it writes the verifier.
	script := fmt.Sprintf(`set -e
cd '%s'
cp '%s/hyp.h' .
python3 '%[2]s/gen.py' %d %d %d --mode=c >m.pml
spin -a m.pml >spin.log 2>&1 || test -s pan.c
%s -o pan pan.c`, dir, source, x.frames, x.levels, x.slots, compiler)
	return filepath.Join(dir, "pan"), b.build("SPIN's verifier, "+compiler, "sh", "-c", script)
}
