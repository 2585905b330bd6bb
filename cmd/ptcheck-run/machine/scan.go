package machine

// scan finds where instructions may be that must be watched: loads of CR0, CR3 and CR4, wrmsr,
// rdtsc, invlpg, invpcid, and in 64-bit code rep stos (a 32-bit kernel clears few bytes at a time). It looks for their bytes, so that it finds some that lie
// inside other instructions; those are never reached.
func scan(va uint64, b []byte, bits int) (sites []uint64) {
	for i := 0; i+3 < len(b); i++ {
		start, ok := i, false
		switch b[i] {
		case 0x0f:
			ok = watched(b[i:])
		case 0xf3:
			ok = bits == 64 && repStos(b[i+1:])
		}
		if !ok {
			continue
		}
		sites = append(sites, va+uint64(start))
		for start > 0 && prefix(b[start-1], bits) { // the instruction may begin with a prefix
			start--
			sites = append(sites, va+uint64(start))
		}
	}
	return sites
}

// repStos reports whether bytes behind f3 are stos.
func repStos(b []byte) bool {
	if b[0]&0xf0 == 0x40 {
		b = b[1:]
	}
	return b[0] == 0xaa || b[0] == 0xab
}

// watched reports whether bytes that begin with 0f are an instruction to be watched.
func watched(b []byte) bool {
	mod, reg := b[2]>>6, b[2]>>3&7
	switch b[1] {
	case 0x22: // mov to a control register
		return mod == 3 && (reg == 0 || reg == 3 || reg == 4)
	case 0x30, 0x31: // wrmsr, rdtsc
		return true
	case 0x01: // invlpg; swapgs and rdtscp have mod 3
		return mod != 3 && reg == 7
	case 0x38: // invpcid
		return b[2] == 0x82
	}
	return false
}

// prefix reports whether a byte can stand in front of such an instruction.
func prefix(c byte, bits int) bool {
	switch c {
	case 0x66, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65:
		return true
	}
	return bits == 64 && c&0xf0 == 0x40
}
