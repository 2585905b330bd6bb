package explore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// failing is a file system with so much room, and so many readings that succeed.
type failing struct {
	osFiles
	left  int   // bytes
	reads int   // readings before one fails; 0: none does
	how   error // how that one fails; nil: it ends early
}

func (x *failing) create(name string) (file, error) {
	f, err := x.osFiles.create(name)
	return failingFile{f, x, name}, err
}

func (x *failing) open(name string) (file, error) {
	f, err := x.osFiles.open(name)
	return failingFile{f, x, name}, err
}

// failingFile is a file of a failing file system.
type failingFile struct {
	file
	x    *failing
	name string
}

// Write writes what there is room for, as an operating system does.
func (f failingFile) Write(p []byte) (int, error) {
	n := min(len(p), f.x.left)
	f.x.left -= n
	if k, err := f.file.Write(p[:n]); err != nil {
		return k, err
	}
	if n < len(p) {
		return n, &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	return n, nil
}

// ReadAt fails when it is time.
func (f failingFile) ReadAt(p []byte, at int64) (int, error) {
	if f.x.reads--; f.x.reads != 0 {
		return f.file.ReadAt(p, at)
	}
	if f.x.how == nil {
		return 0, nil
	}
	return 0, &fs.PathError{Op: "read", Path: f.name, Err: f.x.how}
}

// unlimited is room for everything.
const unlimited = 1 << 40

// TestDiskFull lets searches on disk run out of room at all moments.
func TestDiskFull(t *testing.T) {
	for name, c := range onDisk() {
		opt := c.opt
		want := plain(explored(t, c.f, opt))
		room := &failing{left: unlimited}
		opt.Disk, opt.files = t.TempDir(), room
		explored(t, c.f, opt)
		written := unlimited - room.left
		for seed := range uint64(damages(t)/20 + 1) {
			left := rand.New(rand.NewPCG(seed, 4)).IntN(written)
			opt.files = &failing{left: left}
			got, err := Run(context.Background(), c.f, opt)
			at := fmt.Sprintf("%s, %d of %d bytes", name, left, written)
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), opt.Disk) {
				t.Errorf("%s: %v", at, err)
				continue
			}
			rightSoFar(t, at, got, want, err)
			if len(got.Findings) < len(want.Findings) && len(got.PerDepth) == len(want.PerDepth) && got.Transitions == want.Transitions {
				t.Errorf("%s: a finding is lost: %+v of %+v", at, got.Findings, want.Findings)
			}
		}
		empty(t, opt.Disk)
	}
}

// TestReadErrors lets readings fail, or end early, at all moments.
func TestReadErrors(t *testing.T) {
	for name, c := range onDisk() {
		opt := c.opt
		want := plain(explored(t, c.f, opt))
		count := &failing{left: unlimited}
		opt.Disk, opt.files = t.TempDir(), count
		explored(t, c.f, opt)
		for seed := range uint64(damages(t)/20 + 1) {
			reads := 1 + rand.New(rand.NewPCG(seed, 6)).IntN(-count.reads)
			for _, how := range []error{syscall.EIO, nil} {
				opt.files = &failing{left: unlimited, reads: reads, how: how}
				got, err := Run(context.Background(), c.f, opt)
				at := fmt.Sprintf("%s, reading %d of %d, %v", name, reads, -count.reads, how)
				if how != nil && !errors.Is(err, how) || how == nil && (err == nil || !strings.Contains(err.Error(), "is damaged: it ends at byte")) {
					t.Errorf("%s: %v", at, err)
					continue
				}
				rightSoFar(t, at, got, want, err)
			}
		}
		empty(t, opt.Disk)
	}
}

// TestCheckpointFull lets a checkpoint run out of room at all moments, and goes on from what there is.
func TestCheckpointFull(t *testing.T) {
	f := newPVDP(3, 2, 1, 0, false)
	want := plain(explored(t, f, Options{}))
	room := &failing{left: unlimited}
	opt := saving(Options{CheckpointEvery: time.Nanosecond, files: room}, t.TempDir())
	explored(t, f, opt)
	written := unlimited - room.left
	for seed := range uint64(damages(t)/5 + 1) {
		left := rand.New(rand.NewPCG(seed, 4)).IntN(written)
		opt := saving(Options{CheckpointEvery: time.Nanosecond, files: &failing{left: left}}, t.TempDir())
		got, err := Run(context.Background(), f, opt)
		at := fmt.Sprintf("%d of %d bytes", left, written)
		var partial *PartialError
		if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &partial) || !strings.Contains(err.Error(), opt.Checkpoint) {
			t.Errorf("%s: %v", at, err)
		}
		if got.Stopped == StopNone { // it was the last checkpoint
			if got = plain(got); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %+v\nwant %+v", at, got, want)
			}
		} else if n := len(got.PerDepth); got.Stopped != StopError || got.States > want.States || n > 1 && got.PerDepth[n-2] != want.PerDepth[n-2] {
			t.Errorf("%s: got %+v\nof %+v", at, got, want)
		}
		if half, err := filepath.Glob(filepath.Join(opt.Checkpoint, "*.new")); err != nil || half != nil {
			t.Errorf("%s: left half written: %v %v", at, half, err)
		}
		_, err = os.Stat(filepath.Join(opt.Checkpoint, manifestName))
		opt.Resume, opt.files = err == nil, nil
		if got := plain(explored(t, f, opt)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s, resumed %v: got %+v\nwant %+v", at, opt.Resume, got, want)
		}
	}
}
