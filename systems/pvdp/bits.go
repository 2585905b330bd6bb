package pvdp

// bitWriter packs fields of at most 64 bits each.
type bitWriter struct {
	dst  []byte
	acc  uint64
	have uint // bits in acc, below 8
}

func (w *bitWriter) put(v uint64, n uint) {
	for n > 32 {
		w.put(v&(1<<32-1), 32)
		v, n = v>>32, n-32
	}
	w.acc |= v << w.have
	w.have += n
	for w.have >= 8 {
		w.dst = append(w.dst, byte(w.acc))
		w.acc >>= 8
		w.have -= 8
	}
}

func (w *bitWriter) done() []byte {
	if w.have > 0 {
		return append(w.dst, byte(w.acc))
	}
	return w.dst
}

// bitReader is the reverse of bitWriter.
type bitReader struct {
	src  []byte
	acc  uint64
	have uint
}

func (r *bitReader) take(n uint) uint64 {
	if n > 32 {
		low := r.take(32)
		return low | r.take(n-32)<<32
	}
	for r.have < n {
		r.acc |= uint64(r.src[0]) << r.have
		r.src = r.src[1:]
		r.have += 8
	}
	v := r.acc & (1<<n - 1)
	r.acc >>= n
	r.have -= n
	return v
}
