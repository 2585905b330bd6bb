// Package fuzz holds the native fuzz targets: bytes that stand for starts of day and
// calls, and text that parsers and printers must agree on. docs/fuzzing.md tells how to
// run them and what to do with a finding.
package fuzz
