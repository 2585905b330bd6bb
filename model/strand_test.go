package model

import (
	"runtime"
	"testing"
	"time"
)

// TestStrand has one strand carry out pieces of work that end, pause and are given up.
func TestStrand(t *testing.T) {
	s, sum := newStrand(), 0
	s.begin(func() { sum++ })
	if s.resume(); sum != 1 || !s.idle() {
		t.Fatalf("sum %d, idle %v after work that ends", sum, s.idle())
	}
	s.begin(func() {
		for s.pause() {
			sum += 10
		}
		if s.pause() {
			t.Error("work that is given up pauses again")
		}
		sum += 100
	})
	for range 3 {
		s.resume()
	}
	if sum != 21 || s.idle() {
		t.Fatalf("sum %d, idle %v in the middle", sum, s.idle())
	}
	if s.abandon(); sum != 121 || !s.idle() {
		t.Fatalf("sum %d, idle %v after it was given up", sum, s.idle())
	}
	s.begin(func() {
		if !s.pause() {
			t.Error("new work is given up like the old")
		}
		sum++
	})
	s.resume()
	if s.resume(); sum != 122 || !s.idle() {
		t.Fatalf("sum %d, idle %v after new work", sum, s.idle())
	}
	s.end()
}

// TestStrandsEnd holds that the strands of a Duo live on from run to run, and end with it.
func TestStrandsEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	func() {
		var all []*Duo
		for range 20 {
			m := twoProcessors(t)
			d := NewDuo(m)
			run := func() { increment(m) }
			d.Run([2]func(){run, run}, Schedule{})
			first := d.lanes[0].strand
			d.Run([2]func(){run, func() { m.Die(Crash{Kind: CrashStopped}) }}, Schedule{Points: [MaxPreemptions]uint8{1}})
			if d.Run([2]func(){run, run}, Schedule{}); d.lanes[0].strand != first {
				t.Fatal("each run has a strand of its own")
			}
			all = append(all, d)
		}
		if n := runtime.NumGoroutine() - before; n < 40 {
			t.Fatalf("%d strands of 20 runs", n)
		}
		runtime.KeepAlive(all)
	}()
	for range 200 {
		runtime.GC()
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d strands live on without their runs", runtime.NumGoroutine()-before)
}
