// Package drawn draws random machines: start-of-day tables of the native kernel and
// of the domain builder, at real and at tiny size. Where the numbers come from is
// the caller's business, so that rapid and gopter share one generator. The numbers
// of a machine are its name: it can be made again from that.
package drawn
