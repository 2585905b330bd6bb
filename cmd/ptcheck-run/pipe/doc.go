// Package pipe is the runner's side of its protocol: requests come in on one stream, answers go
// out on another. README.md describes it.
package pipe

// Version is the version of the protocol.
const Version = 1
