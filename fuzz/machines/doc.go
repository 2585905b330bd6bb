// Package machines draws machines for real kernels, boots the kernels' own machine code on them
// (traces/emulator) and judges what they did to their page tables: by the rules for recordings,
// and by what every machine's memory map says of the direct map. A machine on which something is
// wrong is made small and written to a file that replays.
package machines
