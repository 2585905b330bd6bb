package lab

import "strings"

// BitsOf returns the guest of a recording, 32 or 64, by its first line; 64 if
// there is none.
func BitsOf(recording []string) int {
	if len(recording) > 0 && strings.Contains(recording[0], " 3 levels") {
		return 32
	}
	return 64
}
