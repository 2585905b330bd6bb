// Package lab is the world of the recordings on the model: the small guest that
// runs as dom0 under the real Xen, with its start of day, its pool of frames and
// its way to execute a script. The answers that it prints are to be the real
// ones, line by line.
//
// What a script can see of a machine is either computed (all answers; the
// addresses of the start-of-day area, from the length of the script), or a
// constant of the recorded machine (numbers of machine frames; where the
// executor's own pages lie). [Image] and the constants in machine.go are all
// there is of the latter.
package lab
