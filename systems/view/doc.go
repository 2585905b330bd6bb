// Package view describes states and steps of the model for reports: frames and entries
// by name, tables and registers, the way from a root to what is wrong, the code that
// took a step, and what a dead kernel was doing.
package view
