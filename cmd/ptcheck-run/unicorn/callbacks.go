package unicorn

import (
	"unsafe"

	"github.com/ebitengine/purego"
)

// callbacks are the addresses of functions that C may call. There can be some 2,000 in a
// process and none is ever freed, so they are made once for the library; the user data says
// for which engine.
type callbacks struct {
	intr, invalid, unmapped, in, out, cpuid, syscall, code, edge, write, readNothing, writeNothing uintptr
}

func (l *Library) makeCallbacks() {
	l.cb = callbacks{
		intr: purego.NewCallback(func(_ uintptr, n uint32, id uintptr) uintptr {
			l.live[id].guest.Exception(int(n))
			return 0
		}),
		invalid: purego.NewCallback(func(_, id uintptr) uintptr {
			l.live[id].guest.Exception(6)
			return 1
		}),
		unmapped: purego.NewCallback(func(_ uintptr, kind int32, pa uint64, _ int32, _ int64, id uintptr) uintptr {
			if l.live[id].guest.Nowhere(pa, kind == fetchUnmapped) {
				return 1
			}
			return 0
		}),
		in: purego.NewCallback(func(_ uintptr, port uint32, size int32, id uintptr) uintptr {
			return uintptr(l.live[id].guest.In(port, int(size)))
		}),
		out: purego.NewCallback(func(_ uintptr, port uint32, size int32, v uint32, id uintptr) uintptr {
			l.live[id].guest.Out(port, int(size), v)
			return 0
		}),
		cpuid: purego.NewCallback(func(_, id uintptr) uintptr {
			l.live[id].guest.CPUID()
			return 1 // do not execute the instruction as well
		}),
		syscall: purego.NewCallback(func(_, id uintptr) uintptr {
			l.live[id].guest.Syscall()
			return 0
		}),
		code: purego.NewCallback(func(_ uintptr, addr uint64, _ uint32, id uintptr) uintptr {
			l.live[id].guest.Instruction(addr)
			return 0
		}),
		edge: purego.NewCallback(func(_, now, _, id uintptr) uintptr {
			// uc_tb: uint64_t pc; uint16_t icount, size.
			b := (*struct {
				pc           uint64
				icount, size uint16
			})(*(*unsafe.Pointer)(unsafe.Pointer(&now)))
			l.live[id].guest.Block(b.pc, int(b.size))
			return 0
		}),
		write: purego.NewCallback(func(_ uintptr, _ int32, pa uint64, size int32, v int64, id uintptr) uintptr {
			value := uint64(v)
			if size < 8 {
				value &= 1<<(8*uint(size)) - 1
			}
			l.live[id].guest.Write(pa, int(size), value)
			return 0
		}),
		readNothing:  purego.NewCallback(func(_ uintptr, _ uint64, _ uint32, _ uintptr) uintptr { return ^uintptr(0) }),
		writeNothing: purego.NewCallback(func(_ uintptr, _ uint64, _ uint32, _ uint64, _ uintptr) uintptr { return 0 }),
	}
}
