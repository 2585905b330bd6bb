package wholefile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ptcheck/ptcheck/internal/wholefile"
)

// TestWriteKeeps holds that a file keeps its mode, a link stays one, and nothing else
// is left in the folder.
func TestWriteKeeps(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(name, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(name, link); err != nil {
		t.Skip("no links here:", err)
	}
	if err := wholefile.Write(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is now %v, %v", info, err)
	}
	data, err := os.ReadFile(name)
	if err != nil || string(data) != "new" {
		t.Errorf("%q, %v", data, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 2 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// TestWriteFails holds that nothing is written, and nothing lost, where it cannot be.
func TestWriteFails(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no /dev/null there")
	}
	if err := wholefile.Write("/dev/null/x", []byte("new")); err == nil {
		t.Error("written below /dev/null")
	}
	if wholefile.Probe("/dev/null/x") == nil || wholefile.ProbeFolder("/dev/null/x") == nil || wholefile.Probe(t.TempDir()) == nil {
		t.Error("a place that cannot be written passes")
	}
	dir := t.TempDir()
	if err := wholefile.Probe(filepath.Join(dir, "x")); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("the probe leaves %v, %v", list, err)
	}
}

// TestWriteDevice holds that a device is written to and stays one.
func TestWriteDevice(t *testing.T) {
	const name = "/dev/full"
	before, err := os.Stat(name)
	if err != nil || before.Mode()&os.ModeDevice == 0 {
		t.Skip("there is no /dev/full")
	}
	if err := wholefile.Probe(name); err != nil {
		t.Error(err)
	}
	if err := wholefile.Write(name, []byte("new")); err == nil {
		t.Error("written to a full device")
	}
	if after, err := os.Stat(name); err != nil || after.Mode() != before.Mode() {
		t.Errorf("the device is now %v, %v", after, err)
	}
	if err := wholefile.Write(os.DevNull, []byte("new")); err != nil {
		t.Error(err)
	}
}
