package model

// Hook names the paravirt hooks whose order matters: a machine notes when the
// kernel is about to call one.
type Hook uint8

// The hooks that are noted.
const (
	HookSetupStart Hook = iota // pagetable_setup_start
	HookSetupDone              // pagetable_setup_done
	HookAllocPT                // alloc_pt: a new L1 table
	HookAllocPD                // alloc_pd: a new table above L1
	HookReleasePT              // release_pt: an L1 table is given up
	HookReleasePD              // release_pd
)

// String returns the kernel's name of the hook.
func (h Hook) String() string {
	return [...]string{"setup_start", "setup_done", "alloc_pt", "alloc_pd", "release_pt", "release_pd"}[h]
}

// NoteHook tells observers that the kernel is about to call a hook for the table
// in a frame. It changes nothing, and the same note twice in a row is one.
func (m *Machine) NoteHook(h Hook, table PFN) {
	m.spend()
	again := m.step.Op == OpHook && m.step.Hook == h && m.step.Frame == Frame(table)
	if m.watched() && !again {
		m.emit(Step{Op: OpHook, Hook: h, Frame: Frame(table)})
	}
}
