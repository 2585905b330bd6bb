package model

import (
	"reflect"
	"testing"
)

// TestRenameKnowsFrames wants every frame that a bare processor or its kernel has by name to be
// renamed. What only hypervisors, later kernels and life after boot know is refused.
func TestRenameKnowsFrames(t *testing.T) {
	l := &Layout{Geo: I386(), Map: IdentityMap(4)}
	a, b := NewState(l), NewState(l)
	frames := 0
	for _, v := range []reflect.Value{reflect.ValueOf(&a.CPU).Elem(), reflect.ValueOf(&a.Kernel).Elem()} {
		for i := range v.NumField() {
			if f := v.Field(i); f.Type() == reflect.TypeFor[Frame]() {
				f.SetInt(2)
				frames++
			}
		}
	}
	var h Shape
	if !l.CanRename() || !h.Of(a, nil) {
		t.Fatal("a bare machine of 2007 has no shape")
	}
	b.Rename(a, []Frame{0, 1, 3, 2}, &h)
	got := b.NamedFrames()
	if len(got) != frames {
		t.Errorf("%d frames have names, %d are renamed", frames, len(got))
	}
	for i, f := range got {
		if f != 3 {
			t.Errorf("name %d: f%d", i, f)
		}
	}
	for _, other := range []Layout{{Hyper: &Hyper{}}, {Early: &EarlyMap{}}, {Life: &LifeMap{}}, {SMP: true}} {
		other.Geo, other.Map = l.Geo, l.Map
		if other.CanRename() {
			t.Errorf("%+v: frames can be renamed", other)
		}
	}
}

// TestRenameCached has a cached translation follow the frame that it leads to, and the page that
// frame is mapped at.
func TestRenameCached(t *testing.T) {
	l := &Layout{Geo: I386(), Map: IdentityMap(4), Kernel: KernelMap{PageOffset: 0xc0000000, MaxLowPFN: 4}}
	a, b := NewState(l), NewState(l)
	a.TLB.Sticky = true
	for _, e := range []tlbEntry{{page: 0x2000, frame: 2}, {page: 0xc0002000, frame: 2, write: true}, {page: 0xffff0000, frame: 2}, {page: 0xc0001000, frame: 1}} {
		a.TLB.fill(e)
	}
	var h Shape
	h.Of(a, nil)
	b.Rename(a, []Frame{0, 1, 3, 2}, &h)
	want := []Cached{{Page: 0x3000, Frame: 3}, {Page: 0xc0001000, Frame: 1}, {Page: 0xc0003000, Frame: 3, Writable: true}, {Page: 0xffff0000, Frame: 3}}
	var got []Cached
	for c := range b.TLB.Each {
		got = append(got, c)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
