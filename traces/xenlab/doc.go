// Package xenlab asks the real Xen. It boots Xen in QEMU with a small PV guest
// of its own as dom0, or as a domain without privileges that dom0 starts, feeds it
// scripts of MMU operations and returns the guest's answers, one line per
// operation; and it writes random scripts that are worth asking about.
//
//	tools, err := xenlab.FindXen(ctx)            // QEMU, gcc, a Xen image
//	script := xenlab.Generate(seed, 3000, xenlab.Profile{})
//	rec, err := xenlab.Run(ctx, script, xenlab.Options{Tools: tools})
//	os.Stdout.Write(rec.Bytes())
//
// The package knows nothing of the model: it neither compares nor judges. The
// guest's sources are in the folder guest, the language in its script.c, ops.c
// and text.c, and in testdata/xen-lab.
package xenlab
