// Package attack holds what systems of hostile guests share. A hostile guest has no
// kernel: it is operations against the hypervisor, and rules that must hold whatever
// it does. The package reads such operations from files, carries them out once, tells
// watchers and reports of them, and makes them fewer. A system says the rest as a
// [Kind].
package attack
