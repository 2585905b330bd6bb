// Package recorded judges recordings of real kernels: it replays each event of a boot on a
// state of the model, has the rules for traces look at it, and makes findings and scenarios
// of what they see.
package recorded
