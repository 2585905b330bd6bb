package model

// Interruption is an interrupt that comes in the middle of kernel code, on the processor
// that runs it: before one of its operations, or as soon after as the processor takes
// interrupts.
type Interruption struct {
	// At is the operation before which it comes, counted from 1; 0: none comes.
	At int
	// Handler is the code that it runs.
	Handler func()
	// Masked are the locks, by bit, whose holder has interrupts disabled
	// (spin_lock_irqsave, local_irq_disable).
	Masked uint32
	// Watch, if not nil, is told of each operation before which an interrupt may come.
	Watch func(at int)

	ops     int  // operations so far
	running bool // the handler runs
}

// start begins to count.
func (i *Interruption) start() { i.ops, i.running = 0, false }

// pending comes before each operation of a machine.
func (i *Interruption) pending(m *Machine) {
	if i.running {
		return
	}
	i.ops++
	if m.locks&i.Masked != 0 {
		return
	}
	if i.Watch != nil {
		i.Watch(i.ops)
	}
	if i.At != 0 && i.ops >= i.At {
		i.running = true // it comes once
		i.Handler()
	}
}
