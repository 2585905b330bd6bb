package symbols

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// lz4Magic begins the "legacy" frames of LZ4, which kernels are built with (lz4 -l): blocks,
// each behind its length in 32 bits.
const lz4Magic = "\x02\x21\x4c\x18"

// lz4Block is the most that a block of a legacy frame holds.
const lz4Block = 8 << 20

var errLZ4 = errors.New("the compressed data is damaged")

// newLZ4 reads a legacy frame. The four bytes that are left at last are the kernel's size.
func newLZ4(r io.Reader) (io.Reader, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return &lz4{data: data[len(lz4Magic):]}, nil
}

// lz4 uncompresses block after block.
type lz4 struct {
	data []byte
	out  bytes.Reader
}

// Read implements io.Reader.
func (z *lz4) Read(p []byte) (int, error) {
	for z.out.Len() == 0 {
		if len(z.data) <= 4 {
			return 0, io.EOF
		}
		n := binary.LittleEndian.Uint32(z.data)
		if uint64(n) > uint64(len(z.data)-4) {
			return 0, errLZ4
		}
		block, err := lz4Decode(z.data[4 : 4+n])
		if err != nil {
			return 0, err
		}
		z.data = z.data[4+n:]
		z.out.Reset(block)
	}
	return z.out.Read(p)
}

// lz4Decode uncompresses a block: sequences of literals and of copies from what was before.
func lz4Decode(in []byte) ([]byte, error) {
	var out []byte
	for len(in) > 0 {
		token := in[0]
		n, rest, ok := lz4Length(int(token>>4), in[1:])
		if !ok || n > len(rest) || len(out)+n > lz4Block {
			return nil, errLZ4
		}
		out, in = append(out, rest[:n]...), rest[n:]
		if len(in) == 0 {
			break // the last sequence has literals only
		}
		if len(in) < 2 {
			return nil, errLZ4
		}
		back := int(in[0]) | int(in[1])<<8
		n, in, ok = lz4Length(int(token&15), in[2:])
		n += 4
		if !ok || back == 0 || back > len(out) || len(out)+n > lz4Block {
			return nil, errLZ4
		}
		for range n {
			out = append(out, out[len(out)-back])
		}
	}
	return out, nil
}

// lz4Length is a length that begins in a token: 15 goes on in bytes, 255 in further ones.
func lz4Length(n int, in []byte) (length int, rest []byte, ok bool) {
	if n < 15 {
		return n, in, true
	}
	for i, c := range in {
		if n += int(c); n > lz4Block {
			return 0, nil, false
		}
		if c != 255 {
			return n, in[i+1:], true
		}
	}
	return 0, nil, false
}
