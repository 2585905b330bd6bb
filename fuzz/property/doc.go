// Package property makes random things happen to random machines, for property
// tests: protocol calls on drawn machines, operations of hostile guests. Where the
// numbers come from is the caller's business, so that rapid and gopter share it.
// What goes wrong can be told as a scenario. The properties are in the tests.
package property
