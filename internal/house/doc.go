// Package house holds the picture of the repository against the repository itself: who
// may import whom, who may name a system, how large a room may be. It has tests only.
package house
