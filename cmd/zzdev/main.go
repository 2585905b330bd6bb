package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ptcheck/ptcheck/fuzz/machines"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

func load(kn string) *emulator.Kernel {
	l, _ := filepath.Glob("/tmp/kernels/vmlinuz-6.1.0-??-" + kn)
	k, err := emulator.Open(l[0], "")
	chk(err)
	return k
}
func main() {
	seed := flag.Uint64("seed", 1, "")
	cases := flag.Int("cases", 20, "")
	workers := flag.Int("workers", 2, "")
	flag.Parse()
	k := load(flag.Arg(0))
	s := &machines.Search{Kernel: k, Seed: *seed, Cases: *cases, Workers: *workers, Tries: 200, Options: machines.Options{Runner: "/tmp/unicorn/ptcheck-run", Library: "/tmp/unicorn/root/usr/lib/x86_64-linux-gnu/libunicorn.so.2", Timeout: 60 * time.Second}}
	t, err := s.Run(context.Background(), func(f machines.Finding) {
		fmt.Println("FOUND", f.Case, f.Problem.Rule, f.Problem.Detail, f.Tries, f.Minimal)
		os.Stdout.Write(machines.FileOf(&f, k, "").Text())
	}, func(p machines.Progress) {
		if p.Cases%20 == 0 {
			fmt.Println(p, p.Rate())
		}
	})
	fmt.Println(t, err, t.Rate())
}
func chk(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
