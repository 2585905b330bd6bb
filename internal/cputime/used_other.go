//go:build !unix

package cputime

import "time"

// Used is the CPU time of this process so far; 0 where nobody knows, as here.
func Used() time.Duration { return 0 }
