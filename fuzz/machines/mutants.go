package machines

// Mutants are the changes of kernels' code that can be planted.
func Mutants() []Mutant { return nil }
