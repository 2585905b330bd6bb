// Package property draws random machines for property tests: start-of-day tables
// of the native kernel and of the domain builder, at real and at tiny size, and
// adversaries. Where the numbers come from is the caller's business, so that
// rapid and gopter share one generator. The properties are in the tests.
package property
