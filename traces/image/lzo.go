package image

import "errors"

// LZO1X, as makedumpfile writes it with lzo1x_1_compress: a byte-oriented LZ77. Each
// instruction copies a match from what was written before, and 0 to 3 literals; a run of
// more literals is an instruction of its own. Written after the description in Linux'
// Documentation/staging/lzo.rst.

var (
	errLZOInput  = errors.New("the data end inside an instruction")
	errLZOOutput = errors.New("more than a page")
	errLZOMatch  = errors.New("a match before the start of the page")
)

// lzo unpacks one page.
type lzo struct {
	in, out []byte
	at, n   int // read of in, written to out
	err     error
}

// unpackLZO unpacks into dst and returns how many bytes there were.
func unpackLZO(dst, packed []byte) (int, error) {
	z := &lzo{in: packed, out: dst}
	z.run()
	return z.n, z.err
}

// next reads a byte of input.
func (z *lzo) next() int {
	if z.at >= len(z.in) {
		z.fail(errLZOInput)
		return 0
	}
	z.at++
	return int(z.in[z.at-1])
}

func (z *lzo) fail(err error) {
	if z.err == nil {
		z.err = err
	}
}

// length reads a length: bits of the instruction, or if they are 0 what follows: each
// zero byte stands for 255, and the first other byte ends it.
func (z *lzo) length(bits, mask int) int {
	n := bits & mask
	if n != 0 {
		return n
	}
	n = mask
	for z.err == nil {
		b := z.next()
		if b != 0 {
			return n + b
		}
		n += 255
		if n > len(z.out) {
			z.fail(errLZOOutput)
		}
	}
	return 0
}

// literals copies bytes of input.
func (z *lzo) literals(n int) {
	switch {
	case z.err != nil:
	case n > len(z.in)-z.at:
		z.fail(errLZOInput)
	case n > len(z.out)-z.n:
		z.fail(errLZOOutput)
	default:
		copy(z.out[z.n:], z.in[z.at:z.at+n])
		z.at, z.n = z.at+n, z.n+n
	}
}

// match copies bytes that were written before; they may overlap with the copy.
func (z *lzo) match(distance, n int) {
	switch {
	case z.err != nil:
	case distance > z.n:
		z.fail(errLZOMatch)
	case n > len(z.out)-z.n:
		z.fail(errLZOOutput)
	default:
		for range n {
			z.out[z.n] = z.out[z.n-distance]
			z.n++
		}
	}
}

// afterRun says that the last instruction was a run of literals.
const afterRun = 4

// run carries out instructions. state is how many literals followed the last match.
func (z *lzo) run() {
	state := 0
	if len(z.in) > 0 && z.in[0] > 17 {
		n := z.next() - 17
		z.literals(n)
		state = min(n, afterRun)
	}
	for z.err == nil {
		t := z.next()
		var trailing int
		switch {
		case z.err != nil:
			return
		case t >= 64: // 3 to 8 bytes within 2 KiB
			trailing = t & 3
			z.match(z.next()<<3+t>>2&7+1, t>>5+1)
		case t >= 32: // within 16 KiB
			n := z.length(t, 31) + 2
			d := z.distance(&trailing)
			z.match(d+1, n)
		case t >= 16: // within 48 KiB, or the end
			n := z.length(t, 7) + 2
			d := t&8<<11 + z.distance(&trailing)
			if d == 0 {
				return
			}
			z.match(d+0x4000, n)
		case state == 0: // a run of literals
			z.literals(z.length(t, 15) + 3)
			state = afterRun
			continue
		case state == afterRun: // 3 bytes, 2 to 3 KiB away
			trailing = t & 3
			z.match(z.next()<<2+t>>2+0x801, 3)
		default: // 2 bytes within 1 KiB
			trailing = t & 3
			z.match(z.next()<<2+t>>2+1, 2)
		}
		z.literals(trailing)
		state = trailing
	}
}

// distance reads two bytes: how many literals follow, and a distance.
func (z *lzo) distance(trailing *int) int {
	low := z.next()
	*trailing = low & 3
	return low>>2 + z.next()<<6
}
