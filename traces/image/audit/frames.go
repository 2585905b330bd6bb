package audit

// chunkFrames is how many frames a chunk of a frameMap has: a large page.
const chunkFrames = 512

// frameMap has a value for each frame, zero where none was set. It takes memory only
// where values were set.
type frameMap[T comparable] struct {
	chunks map[uint64]*[chunkFrames]T
	last   *[chunkFrames]T // the chunk looked at last
	index  uint64
}

func newFrameMap[T comparable]() *frameMap[T] {
	return &frameMap[T]{chunks: map[uint64]*[chunkFrames]T{}, index: ^uint64(0)}
}

// at is the place of a frame's value, nil if none was set near it.
func (f *frameMap[T]) at(frame uint64) *T {
	i := frame / chunkFrames
	if f.index != i || f.last == nil {
		f.last, f.index = f.chunks[i], i
	}
	if f.last == nil {
		return nil
	}
	return &f.last[frame%chunkFrames]
}

// place is the place of a frame's value, made if there is none.
func (f *frameMap[T]) place(frame uint64) *T {
	if p := f.at(frame); p != nil {
		return p
	}
	f.last = new([chunkFrames]T)
	f.chunks[f.index] = f.last
	return &f.last[frame%chunkFrames]
}

// get is a frame's value.
func (f *frameMap[T]) get(frame uint64) T {
	if p := f.at(frame); p != nil {
		return *p
	}
	var zero T
	return zero
}
