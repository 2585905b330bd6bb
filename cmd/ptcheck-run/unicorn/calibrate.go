package unicorn

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// envOffsets are where a saved context keeps two fields that no function of the library
// gives: the exception that is being delivered (QEMU's env->old_exception), which Unicorn
// never takes back, so that a second page fault would become a double fault; and the error
// code of the last exception.
type envOffsets struct{ oldException, errorCode int }

// calibrate finds the offsets by page faults whose error codes are known.
func (l *Library) calibrate() error {
	e, err := l.Open(32, &faulting{})
	if err != nil {
		return err
	}
	defer e.Close()
	mem := make([]byte, 0x5000+4096) // page tables want whole pages
	mem = mem[-uintptr(unsafe.Pointer(&mem[0]))&4095:][:0x5000]
	e.guest = &faulting{e}
	if err := e.Map(0, mem); err != nil {
		return err
	}
	put := binary.LittleEndian.PutUint32
	put(mem[0x1000:], 0x2003)                 // the directory: one table
	put(mem[0x2000:], 0x0003)                 // page 0: the code
	put(mem[0x2004:], 0x1001)                 // page 1: read-only
	copy(mem[0x100:], "\xa3\x00\x90\x00\x00") // mov %eax,0x9000: not present
	copy(mem[0x110:], "\xa1\x00\x90\x00\x00") // mov 0x9000,%eax
	copy(mem[0x120:], "\xa3\x00\x10\x00\x00") // mov %eax,0x1000: read-only
	e.Write(CR3, 0x1000)
	e.Write(CR0, 0x80010011) // paging, write protection
	before := append([]byte(nil), e.saved()...)
	var after [3][]byte
	for i, pc := range []uint64{0x100, 0x110, 0x120} {
		if err := e.Run(pc); err != nil {
			return err
		}
		after[i] = append([]byte(nil), e.saved()...)
		e.restore(before)
	}
	at := func(b []byte, o int) int32 { return int32(binary.LittleEndian.Uint32(b[o:])) }
	old, code := 0, 0
	for o := 0; o+4 <= len(before); o += 4 {
		a, b, c := at(after[0], o), at(after[1], o), at(after[2], o)
		if at(before, o) == -1 && a == 14 && b == 14 && c == 14 {
			l.env.oldException = o
			old++
		}
		if a == 2 && b == 0 && c == 3 {
			l.env.errorCode = o
			code++
		}
	}
	if old != 1 || code != 1 {
		return errors.New("the place of a pending exception in a saved context was not found: this version is not known to work")
	}
	return nil
}

// faulting is a guest that ends at its first exception.
type faulting struct{ e *Engine }

func (f *faulting) Instruction(uint64)             {}
func (f *faulting) Block(uint64, int)              {}
func (f *faulting) Write(uint64, int, uint64)      {}
func (f *faulting) Exception(int)                  { f.e.Stop() }
func (f *faulting) In(uint32, int) uint32          { return 0 }
func (f *faulting) Out(uint32, int, uint32)        {}
func (f *faulting) CPUID()                         {}
func (f *faulting) Syscall()                       {}
func (f *faulting) Nowhere(uint64, bool) (ok bool) { return false }

// saved saves the processor's state; the bytes are valid until the next save.
func (e *Engine) saved() []byte {
	if e.context == 0 {
		call(e.l.f.contextAlloc, e.uc, uintptr(unsafe.Pointer(&e.context)))
	}
	call(e.l.f.contextSave, e.uc, e.context)
	n := int(call(e.l.f.contextSize, e.uc))
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&e.context))), n)
}

// Saved is the processor's state.
func (e *Engine) Saved() []byte { return append([]byte(nil), e.saved()...) }

// Restore sets the processor's state, of this engine or another one of the same kind.
func (e *Engine) Restore(b []byte) { e.restore(b) }

// restore goes back to a saved state.
func (e *Engine) restore(b []byte) {
	copy(e.saved(), b)
	call(e.l.f.contextRestore, e.uc, e.context)
}

// Delivered takes note that the guest has got the last exception, and returns its error code
// as the processor would push it.
func (e *Engine) Delivered() (code uint32) {
	b := e.saved()
	code = binary.LittleEndian.Uint32(b[e.l.env.errorCode:])
	if binary.LittleEndian.Uint32(b[e.l.env.oldException:]) != 0xffffffff {
		binary.LittleEndian.PutUint32(b[e.l.env.oldException:], 0xffffffff)
		call(e.l.f.contextRestore, e.uc, e.context)
	}
	return code
}
