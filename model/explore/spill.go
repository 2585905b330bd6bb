package explore

import "hash/crc32"

// spillBlock is the number of bytes of a file that have a checksum in common: few enough for two blocks of
// each file to fit into memory when many are merged, so many that the checksums take but 1/2048 of the room.
const spillBlock = 8 << 10

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// spill is a file of a search on disk. What it must be like is kept in memory: its length, the number of its
// entries, and the CRC-32C of each of its blocks. So when it is read it shows if the file has been cut,
// changed, or replaced, even by one of the same search.
type spill struct {
	name    string
	bytes   uint64
	entries uint64
	sums    []uint32 // of whole blocks; the last may be shorter
}

// sumsBytes returns the memory that the checksums take.
func (s *spill) sumsBytes() uint64 { return uint64(cap(s.sums)) * 4 }

// spillWriter fills a spill. Its buffer is a number of whole blocks.
type spillWriter struct {
	*spill
	fs  fileSystem
	f   file
	buf []byte // not written yet
	err error  // the first; it ends all writing
}

// newSpill makes a file, and a buffer of about so many bytes.
func newSpill(fs fileSystem, name string, buffer int) (*spillWriter, error) {
	f, err := fs.create(name)
	if err != nil {
		return nil, ioError(err)
	}
	blocks := max(1, buffer/spillBlock)
	return &spillWriter{spill: &spill{name: name}, fs: fs, f: f, buf: make([]byte, 0, blocks*spillBlock)}, nil
}

// write appends to the file. An error shows at finish, and in err.
func (w *spillWriter) write(p []byte) {
	w.bytes += uint64(len(p))
	for len(p) > 0 && w.err == nil {
		n := copy(w.buf[len(w.buf):cap(w.buf)], p)
		w.buf, p = w.buf[:len(w.buf)+n], p[n:]
		if len(w.buf) == cap(w.buf) {
			w.flush()
		}
	}
}

// flush writes out the buffer. It keeps what cannot be written, so that it still can be read.
func (w *spillWriter) flush() {
	if err := writeAll(w.f, w.buf); err != nil {
		w.err = ioError(err)
		return
	}
	for p := w.buf; len(p) > 0; p = p[min(spillBlock, len(p)):] {
		w.sums = append(w.sums, crc32.Checksum(p[:min(spillBlock, len(p))], castagnoli))
	}
	w.buf = w.buf[:0]
}

// finish completes the file and closes it. After an error there is no file.
func (w *spillWriter) finish() (*spill, error) {
	if w.err == nil {
		w.flush()
	}
	if err := w.f.Close(); err != nil && w.err == nil {
		w.err = ioError(err)
	}
	w.buf = nil
	if w.err != nil {
		_ = w.fs.remove(w.name) // the first error is the one to tell
		return nil, w.err
	}
	return w.spill, nil
}

// reader returns a reader of what has been written so far, from an offset on. It reads the file that the
// writer has open, and is good until the next write.
func (w *spillWriter) reader(from uint64, buffer int) *spillReader {
	r := &spillReader{spill: w.spill, f: w.f, end: uint64(len(w.sums)) * spillBlock, tail: w.buf, room: buffer}
	r.seek(from)
	return r
}

// spillReader reads a spill from some place to its end. It gives out nothing of a block before it has compared
// its checksum.
type spillReader struct {
	*spill
	f    file
	own  bool   // the file is to be closed
	at   uint64 // offset of the next block
	end  uint64 // of the blocks in the file
	tail []byte // what comes behind them, if the writer still has it
	room int    // bytes to be read at a time, about
	buf  []byte
	rest []byte // of buf: not taken yet
	skip int    // of the first block
}

// open returns a reader of a finished spill from its start.
func (s *spill) open(fs fileSystem, buffer int) (*spillReader, error) {
	f, err := fs.open(s.name)
	if err != nil {
		return nil, ioError(err)
	}
	r := &spillReader{spill: s, f: f, own: true, end: s.bytes, room: buffer}
	if err := checkSize(f, s.name, s.bytes); err != nil {
		r.close()
		return nil, ioError(err)
	}
	return r, nil
}

// seek goes to an offset; nothing has been read yet.
func (r *spillReader) seek(to uint64) {
	if to >= r.end {
		r.at, r.rest, r.tail = r.end, r.tail[to-r.end:], nil
		return
	}
	r.at, r.skip = to/spillBlock*spillBlock, int(to%spillBlock)
}

// ahead returns what is not taken yet, of which there are at least n bytes unless the spill has fewer. They
// are valid until the next call.
func (r *spillReader) ahead(n int) ([]byte, error) {
	for len(r.rest) < n && (r.at < r.end || len(r.tail) > 0) {
		if err := r.fill(n); err != nil {
			return nil, err
		}
	}
	return r.rest, nil
}

// take goes n bytes on.
func (r *spillReader) take(n int) { r.rest = r.rest[n:] }

// fill reads more blocks, enough for n bytes.
func (r *spillReader) fill(n int) error {
	if r.at == r.end {
		r.rest = append(r.rest[:len(r.rest):len(r.rest)], r.tail...)
		r.tail = nil
		return nil
	}
	kept := len(r.rest)
	need := kept + (n-kept+spillBlock-1)/spillBlock*spillBlock
	if len(r.buf) < need {
		r.buf = make([]byte, max(r.room, need+spillBlock))
	}
	copy(r.buf, r.rest)
	blocks := r.buf[kept:]
	blocks = blocks[:min(uint64(len(blocks)/spillBlock*spillBlock), r.end-r.at)]
	if err := r.verified(blocks); err != nil {
		return ioError(err)
	}
	r.rest = r.buf[r.skip : kept+len(blocks)]
	r.at, r.skip = r.at+uint64(len(blocks)), 0
	return nil
}

// verified reads whole blocks and compares their checksums.
func (r *spillReader) verified(blocks []byte) error {
	if err := readAll(r.f, r.name, blocks, int64(r.at)); err != nil {
		return err
	}
	first := int(r.at / spillBlock)
	for k := first; len(blocks) > 0; k++ {
		block := blocks[:min(spillBlock, len(blocks))]
		if crc32.Checksum(block, castagnoli) != r.sums[k] {
			return damaged(r.name, "block %d of %d is not what was written", k+1, len(r.sums))
		}
		blocks = blocks[len(block):]
	}
	return nil
}

// close closes the file if it is the reader's own.
func (r *spillReader) close() {
	if r.own {
		r.f.Close()
		r.own = false
	}
}
