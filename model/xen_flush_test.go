package model

import "testing"

// TestUpdateFlushes holds which translations an update by address leaves in the TLBs of
// two processors, by what it asks to be flushed besides.
func TestUpdateFlushes(t *testing.T) {
	pages := [...]VA{5 << PageShift, 6 << PageShift} // the one that is updated, and another one
	for _, x := range []struct {
		flush UVMF
		left  [2]int // by processor
	}{
		{UVMFNone, [2]int{2, 2}}, {UVMFInvlpg, [2]int{1, 2}}, {UVMFInvlpg | UVMFAll, [2]int{1, 1}},
		{UVMFFlush, [2]int{0, 2}}, {UVMFFlush | UVMFAll, [2]int{0, 0}},
	} {
		s := bootGuest(t, I386(), Xen417(), 40)
		s.TLB.Sticky = true
		two, rc := s.TwoProcessors()
		if rc != OK {
			t.Fatal(rc)
		}
		for range two.Processors() {
			for _, page := range pages {
				two.TLB.fill(tlbEntry{page: page, frame: 3})
			}
			two.SwitchProcessor()
		}
		if rc := NewMachine(two).UpdateVAMapping(pages[0], 0, x.flush); rc != OK {
			t.Fatal(rc)
		}
		for n, want := range x.left {
			if got := len(two.TLBOf(n).entries); got != want {
				t.Errorf("flush %d: processor %d still has %d translations, want %d", x.flush, n, got, want)
			}
		}
	}
}
