package model

import "testing"

// Machines for the tests that play kernel code, which lies in another package.

func Bare(t testing.TB) *Machine { return bare(t) }

func TwoProcessors(t testing.TB) *Machine { return twoProcessors(t) }
