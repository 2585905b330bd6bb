// Package unicorn loads the Unicorn emulator's shared library at run time and gives its x86
// machines to Go. It needs no cgo: github.com/ebitengine/purego calls the library.
package unicorn

import (
	"errors"
	"fmt"

	"github.com/ebitengine/purego"
)

// Library is a loaded libunicorn. It is not safe for concurrent use: run one engine at a
// time, more of them in other processes.
type Library struct {
	path  string
	major int
	minor int
	f     functions
	cb    callbacks
	live  map[uintptr]*Engine // by the number that callbacks get as their user data
	next  uintptr
	env   envOffsets
}

// functions are the addresses of the library's functions.
type functions struct {
	version, open, close, mapPtr, unmap, mmio, memWrite uintptr
	hookAdd, hookDel, start, stop, ctl, strerror        uintptr
	regRead, regWrite, regReadBatch                     uintptr
	contextAlloc, contextFree, contextSave, contextSize uintptr
	contextRestore                                      uintptr
}

// names says where each function of the library goes.
func (f *functions) names() map[string]*uintptr {
	return map[string]*uintptr{
		"uc_version": &f.version, "uc_open": &f.open, "uc_close": &f.close, "uc_mem_map_ptr": &f.mapPtr,
		"uc_mem_unmap": &f.unmap, "uc_mmio_map": &f.mmio, "uc_mem_write": &f.memWrite,
		"uc_hook_add": &f.hookAdd, "uc_hook_del": &f.hookDel, "uc_emu_start": &f.start, "uc_emu_stop": &f.stop,
		"uc_ctl": &f.ctl, "uc_strerror": &f.strerror, "uc_reg_read": &f.regRead, "uc_reg_write": &f.regWrite,
		"uc_reg_read_batch": &f.regReadBatch, "uc_context_alloc": &f.contextAlloc, "uc_context_free": &f.contextFree,
		"uc_context_save": &f.contextSave, "uc_context_size": &f.contextSize, "uc_context_restore": &f.contextRestore,
	}
}

// ErrTooOld is the error for a library that cannot run kernels.
var ErrTooOld = errors.New("its MMU maps virtual addresses to the same physical ones, so that every kernel dies at its first jump into high memory; 2.1 or newer is needed (Debian 13: libunicorn2t64)")

// Load loads the library from a path, or by a name that the system's loader finds.
func Load(path string) (*Library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("unicorn: the library cannot be loaded: %w", err)
	}
	l := &Library{path: path, live: map[uintptr]*Engine{}}
	for name, to := range l.f.names() {
		if *to, err = purego.Dlsym(handle, name); err != nil && name != "uc_ctl" {
			return nil, fmt.Errorf("unicorn: %s is no libunicorn: it has no %s", path, name)
		}
	}
	v := int(call(l.f.version, 0, 0))
	l.major, l.minor = v>>24&0xff, v>>16&0xff
	if err := l.suitable(); err != nil {
		return nil, err
	}
	l.makeCallbacks()
	if err := l.calibrate(); err != nil {
		return nil, fmt.Errorf("unicorn: %s, version %s: %w", path, l.Version(), err)
	}
	return l, nil
}

// suitable refuses versions that cannot run kernels, and those that nobody has tried.
func (l *Library) suitable() error {
	switch {
	case l.major < 2 || l.major == 2 && l.minor < 1:
		return fmt.Errorf("unicorn: %s is version %s: %w", l.path, l.Version(), ErrTooOld)
	case l.major > 2:
		return fmt.Errorf("unicorn: %s is version %s: its interface is not that of version 2", l.path, l.Version())
	}
	return nil
}

// Version is the library's version, such as "2.1".
func (l *Library) Version() string { return fmt.Sprintf("%d.%d", l.major, l.minor) }

// call calls a C function. Pointers to Go memory among the arguments stay valid meanwhile.
//
//go:uintptrescapes
func call(f uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(f, args...)
	return r
}

// errorOf turns a uc_err into an error.
func (l *Library) errorOf(what string, code uintptr) error {
	if uint32(code) == 0 {
		return nil
	}
	return fmt.Errorf("unicorn: %s: %s", what, cString(call(l.f.strerror, code)))
}
