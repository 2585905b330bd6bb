package image

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// How a page of a compressed dump is packed (diskdump_mod.h of makedumpfile).
const (
	packedZlib   = 1 << 0
	packedLZO    = 1 << 1
	packedSnappy = 1 << 2
	packedZstd   = 1 << 5
	packedAny    = packedZlib | packedLZO | packedSnappy | packedZstd
)

// unpacker unpacks pages; it keeps the readers that are costly to make.
type unpacker struct {
	zlib io.ReadCloser
	zstd *zstd.Decoder
}

func newUnpacker() *unpacker { return &unpacker{} }

// page unpacks a page into dst.
func (u *unpacker) page(dst *Page, packed []byte, flags uint32) error {
	var n int
	var err error
	method := "raw"
	switch flags & packedAny {
	case 0:
		n = copy(dst[:], packed)
		if len(packed) > len(dst) {
			n = len(packed)
		}
	case packedZlib:
		method = "zlib"
		n, err = u.inflate(dst, packed)
	case packedLZO:
		method = "lzo"
		n, err = unpackLZO(dst[:], packed)
	case packedSnappy:
		method = "snappy"
		n, err = unsnap(dst, packed)
	case packedZstd:
		method = "zstd"
		n, err = u.unzstd(dst, packed)
	default:
		return fmt.Errorf("flags %#x: packed in two ways at once", flags)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if n != PageSize {
		return fmt.Errorf("%s: %d bytes, want a page of %d", method, n, PageSize)
	}
	return nil
}

func (u *unpacker) inflate(dst *Page, packed []byte) (int, error) {
	var err error
	if u.zlib == nil {
		u.zlib, err = zlib.NewReader(bytes.NewReader(packed))
	} else {
		err = u.zlib.(zlib.Resetter).Reset(bytes.NewReader(packed), nil)
	}
	if err != nil {
		u.zlib = nil
		return 0, err
	}
	return io.ReadFull(u.zlib, dst[:])
}

func unsnap(dst *Page, packed []byte) (int, error) {
	n, err := snappy.DecodedLen(packed)
	if err != nil {
		return 0, err
	}
	if n > PageSize {
		return 0, errors.New("more than a page")
	}
	out, err := snappy.Decode(dst[:], packed)
	return copy(dst[:], out), err
}

func (u *unpacker) unzstd(dst *Page, packed []byte) (int, error) {
	if u.zstd == nil {
		var err error
		u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(PageSize), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return 0, err
		}
	}
	out, err := u.zstd.DecodeAll(packed, dst[:0])
	return len(out), err
}
