package explore

// sortItems sorts items by key, byte by byte from the lowest, with spare as room; it returns the room. Keys
// are distinct and mostly differ in few bytes, since those of a round lie close together.
func sortItems(items, spare []item) []item {
	if cap(spare) < len(items) {
		spare = make([]item, cap(items))
	}
	spare = spare[:len(items)]
	var differ uint64
	for _, it := range items {
		differ |= it.key ^ items[0].key
	}
	from, to := items, spare
	for shift := 0; shift < 64; shift += 8 {
		if differ>>shift&0xff == 0 {
			continue
		}
		var next [256]int
		for _, it := range from {
			next[it.key>>shift&0xff]++
		}
		at := 0
		for d, n := range next {
			next[d] = at
			at += n
		}
		for _, it := range from {
			d := it.key >> shift & 0xff
			to[next[d]] = it
			next[d]++
		}
		from, to = to, from
	}
	copy(items, from) // the same if the number of passes was even
	return spare
}
