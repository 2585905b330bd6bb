package xenlab

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:embed guest/*.c guest/*.h guest/*.S guest/*.lds
var guestSources embed.FS

// Width is the kind of guest.
type Width int

// The two guests. The 32-bit one needs a Xen that still runs such guests;
// Debian's does not.
const (
	Width64 Width = iota // 64-bit, four levels
	Width32              // 32-bit PAE, three levels
)

func (w Width) String() string {
	if w == Width32 {
		return "32"
	}
	return "64"
}

var commonFlags = strings.Fields("-std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -nostdlib -fno-pic " +
	"-fno-stack-protector -fno-asynchronous-unwind-tables -mgeneral-regs-only -mno-red-zone -fcf-protection=none " +
	"-static -no-pie -Wl,-T,link.lds,--build-id=none,-z,noexecstack,--no-warn-rwx-segments")

// guestFiles are the guest's C files. Each uses those before it only.
func guestFiles() []string {
	return strings.Fields("slots.c relay.c console.c pool.c hcall.c text.c types.c reset.c bench.c ops.c script.c domu.c boot.c")
}

// gccArgs returns the compiler's arguments for one guest.
func gccArgs(w Width) []string {
	base, entry, args := "0xffffffff80000000", "x86_64.S", []string{"-m64", "-mcmodel=kernel"}
	if w == Width32 {
		base, entry, args = "0xc0000000", "x86_32.S", []string{"-m32", "-march=i686"}
	}
	args = append(args, commonFlags...)
	args = append(args, "-DVIRT_BASE="+base, "-Wl,--defsym=VIRT_BASE="+base, "notes.S", entry)
	return append(args, guestFiles()...)
}

// Build compiles a guest and returns the path of its image. An image of the
// same sources that is already in the cache is used again.
func Build(ctx context.Context, t *Tools, w Width) (string, error) {
	image := filepath.Join(t.Cache, fmt.Sprintf("guest%s-%s.elf", w, sourceHash(w)))
	if _, err := os.Stat(image); err == nil {
		return image, nil
	}
	dir, err := os.MkdirTemp(t.Cache, "build-*")
	if err != nil {
		return "", fmt.Errorf("oracle: build: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, guestSources); err != nil {
		return "", fmt.Errorf("oracle: build: %w", err)
	}
	dir = filepath.Join(dir, "guest")
	if err := runIn(ctx, dir, t.GCC, append(gccArgs(w), "-o", "guest.elf")...); err != nil {
		return "", fmt.Errorf("oracle: build: %w", err)
	}
	if err := os.Rename(filepath.Join(dir, "guest.elf"), image); err != nil {
		return "", fmt.Errorf("oracle: build: %w", err)
	}
	return image, nil
}

// sourceHash names the sources and flags of a guest.
func sourceHash(w Width) string {
	h := sha256.New()
	fmt.Fprintln(h, gccArgs(w))
	files, err := guestSources.ReadDir("guest")
	if err != nil {
		panic(err) // embedded: cannot happen
	}
	for _, f := range files {
		data, err := guestSources.ReadFile("guest/" + f.Name())
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(h, "%s %d\n%s", f.Name(), len(data), data)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
