package guests

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

func TestZ(t *testing.T) {
	k, err := emulator.Open("/tmp/kernels/vmlinuz-6.1.0-56-amd64", "")
	if err != nil {
		t.Fatal(err)
	}
	kind, _ := model.ParseGuestKind(os.Getenv("KIND"))
	r, err := emulator.Start(context.Background(), "/tmp/unicorn/ptcheck-run", "/tmp/unicorn/root/usr/lib/x86_64-linux-gnu/libunicorn.so.2", 8*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t0 := time.Now()
	stop := "kmem_cache_init"
	if s := os.Getenv("STOP"); s != "" {
		stop = s
	}
	run, err := Boot(r, k, &Machine{Kind: kind, Pages: 65536, Cmdline: "earlyprintk=xen console=hvc0", Features: emulator.NX}, stop, nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s", run.Console)
	at, off := k.Function(run.Result.PC)
	fmt.Println(run.Stop, run.Detail, at, off, k.PanicText(run.Result), len(run.Requests), len(run.Tables), len(run.Recording), time.Since(t0))
	os.WriteFile("/tmp/unicorn/xen-"+kind.String()+".rec", run.Recording, 0o644)
}
