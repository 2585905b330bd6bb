package hooks

// Interrupts that come in the middle of what the kernel does. What is modelled of a
// handler is what it may do to page tables: the code and the data of modules lie in the
// vmalloc area, so that any handler may fault there.

// InterruptsOff are the locks, by bit, whose holder takes no interrupts (Linux:
// spin_lock_irqsave of pgd_lock; local_irq_disable).
func InterruptsOff() uint32 { return 1<<lockPgd | 1<<lockIRQ | 1<<(lockIRQ+1) }

// WithoutInterrupts carries out code during which the processor takes no interrupts
// (local_irq_save, local_irq_restore).
func (k *Kernel) WithoutInterrupts(fn func()) {
	cpu := k.M.Running()
	if k.M.Holds(lockIRQ + cpu) {
		fn()
		return
	}
	k.LockIRQ(cpu)
	fn()
	k.UnlockIRQ(cpu)
}

// Interrupt is such a handler: it reads from the vmalloc area.
func Interrupt(k *Kernel) { k.M.Load(k.lifeMap().Vmalloc, k.geo().Width) }
