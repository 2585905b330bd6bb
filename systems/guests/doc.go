// Package guests boots real kernels as paravirtual guests of ptcheck's own model hypervisor: the
// kernel's machine code runs in an emulator, unprivileged, and each hypercall, exception and
// privileged instruction of it is answered here, those about tables by the model (package
// model). What the guest asks for and what comes of it is a recording, as of a guest of Xen's.
//
// The hypervisor may refuse: see [Refusal].
package guests
