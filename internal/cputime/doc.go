// Package cputime tells what a process has used of its processors. On a machine that does
// other things besides, the clock says little.
package cputime
