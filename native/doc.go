// Package native is the bare-metal backend: hooks that store entries directly,
// and the boot tables that head.S leaves behind.
package native
