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
	fmt.Println(len(run.Sites()), "sites")
	if os.Getenv("REFUSE") != "" {
		n := map[Verdict]int{}
		start := func() (*emulator.Runner, error) {
			return emulator.Start(context.Background(), "/tmp/unicorn/ptcheck-run", "/tmp/unicorn/root/usr/lib/x86_64-linux-gnu/libunicorn.so.2", time.Minute)
		}
		err := Refuse(context.Background(), start, k, &Machine{Kind: kind, Pages: 65536, Cmdline: "earlyprintk=xen console=hvc0", Features: emulator.NX}, stop, run, 2, func(x *Refused) {
			n[x.Verdict]++
			fmt.Print(x.Verdict, " ", x.Answer, " ", x.Site.Number, " ", x.Site.Operation, x.Site.Inner, " #", x.Site.First)
			for _, c := range x.Site.Callers {
				a, o := k.Function(c)
				fmt.Printf(" %s+%x", a, o)
			}
			fmt.Println(":", x.Detail)
		})
		fmt.Println(n, err)
	}
	os.WriteFile("/tmp/unicorn/xen-"+kind.String()+".rec", run.Recording, 0o644)
}
