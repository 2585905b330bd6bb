package emulator

import "strings"

// The kernel's first look at the memory map, and where it keeps what the loader told it.
const (
	firstLook   = "e820__memory_setup"
	paramsCopy  = "boot_params"
	cmdlineCopy = "boot_command_line"
)

// lowCommon is the end of the memory below 1 MiB that every machine has.
const lowCommon = 512 << 10

// sendShare lets machines with the same processor begin as one: up to its first look at the memory
// map a kernel does not care what memory there is, and nearly all that it does is sorting its own
// tables. The map and the command line are stored where the kernel has copied them to by then. It
// returns false if the kernel does not say where that is, or may have looked at the command line.
func (k *Kernel) sendShare(r *Runner, m *Machine) bool {
	at, params, cmdline := k.symbols[firstLook], k.symbols[paramsCopy], k.symbols[cmdlineCopy]
	if r.whole || at == 0 || params == 0 || cmdline == 0 || readEarly(m.Cmdline) || !m.has(0, lowCommon) || !m.has(k.Start, k.End) {
		return false
	}
	r.line("share %x", at)
	r.line("common 0 %x", lowCommon)
	r.line("common %x %x", k.Start, k.End)
	page := k.zeroPage(m)
	r.bytes("late", params+paramsEntries, page[paramsEntries:paramsEntries+1])
	r.bytes("late", params+paramsE820, page[paramsE820:paramsE820+20*len(m.Map)])
	r.bytes("late", cmdline, append([]byte(m.Cmdline), 0))
	return true
}

// readEarly reports whether a command line has words that a kernel looks for before it looks at
// the memory map (early_cpu_init, load_ucode_bsp, sme_enable).
func readEarly(cmdline string) bool {
	for _, w := range strings.Fields(cmdline) {
		key, _, _ := strings.Cut(w, "=")
		switch key {
		case "clearcpuid", "no387", "nofxsr", "noxsave", "noxsaveopt", "noxsaves", "dis_ucode_ldr", "mem_encrypt", "earlyprintk", "nopcid", "noinvpcid":
			return true
		}
	}
	return false
}

// has reports whether a machine has usable memory from start to end.
func (m *Machine) has(start, end uint64) bool {
	for _, x := range m.Map {
		if x.Kind == Usable && x.Start <= start && start < x.End {
			start = x.End
		}
	}
	return start >= end
}
