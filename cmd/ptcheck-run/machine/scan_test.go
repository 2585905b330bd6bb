package machine

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
)

// TestScan: the instructions that are watched are found, with each place where they may begin.
func TestScan(t *testing.T) {
	for _, x := range []struct {
		code string
		bits int
		want []uint64
	}{
		{"900f22d890909090", 32, []uint64{0x1001}},         // mov %eax,%cr3
		{"410f22d890909090", 64, []uint64{0x1000, 0x1001}}, // mov %r8,%cr3
		{"0f22d0909090", 32, nil},                          // cr2
		{"0f013d0000400090", 32, []uint64{0x1000}},         // invlpg
		{"0f01f8909090", 64, nil},                          // swapgs
		{"0f3090900f319090", 32, []uint64{0x1000, 0x1004}}, // wrmsr, rdtsc
		{"660f38820424", 64, []uint64{0x1000, 0x1001}},     // invpcid
		{"f348ab9090", 64, []uint64{0x1000}},               // rep stosq
		{"f3ab909090", 32, nil},
	} {
		b, err := hex.DecodeString(x.code)
		if err != nil {
			t.Fatal(err)
		}
		got := scan(0x1000, b, x.bits)
		slices.Sort(got)
		if !slices.Equal(got, x.want) {
			t.Errorf("%s, %d bits: %x, want %x", x.code, x.bits, got, x.want)
		}
	}
}

// TestMerge: an entry takes the bytes that a store covers.
func TestMerge(t *testing.T) {
	for _, x := range []struct {
		was, value   uint64
		at, es, size int
		want         uint64
	}{
		{0x1111111122222222, 0x33333333, 0, 8, 4, 0x1111111133333333},
		{0x1111111122222222, 0x33333333, -4, 8, 4, 0x3333333322222222},
		{0x1111111122222222, 0x44, -1, 8, 1, 0x1111111122224422},
		{0x11111111, 0x2222222233333333, 4, 4, 8, 0x22222222},
	} {
		if got := merge(x.was, x.value, x.at, x.es, x.size); got != x.want {
			t.Errorf("merge(%x, %x, %d, %d, %d) = %x, want %x", x.was, x.value, x.at, x.es, x.size, got, x.want)
		}
	}
}

// TestWholePages: ranges are rounded outwards, sorted and joined.
func TestWholePages(t *testing.T) {
	got := wholePages([]Range{{0x3000, 0x5001}, {0x800, 0x1000}, {0x1000, 0x1001}, {0x9000, 0x9000}})
	if want := []Range{{0, 0x2000}, {0x3000, 0x6000}}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestSegments: segments that share a page are refused, code outside of them as well.
func TestSegments(t *testing.T) {
	img, err := NewImage(32)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if err := img.Load(0x1800, bytes.Repeat([]byte{1}, 0x1000)); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{img.Load(0x2900, []byte{1}), img.Load(0x9000, nil), img.Code(0x3000, 0x3000, 1)} {
		if err == nil {
			t.Error("a mistake is not refused")
		}
	}
	if _, err := NewImage(16); err == nil {
		t.Error("a kernel of 16 bits is not refused")
	}
}
