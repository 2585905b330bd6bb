// Package life holds the systems of kernels that have booted: processes, the vmalloc
// area, kmaps, descriptor tables and lazy updates, natively and under Xen, on one
// processor and on two. Each member of a family boots by the real hooks and then has a
// theme of calls; docs/life.md tells about them.
package life
