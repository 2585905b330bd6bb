package model

import "testing"

// TestLatest tries every longer schedule: those up to the latest can be followed, and no
// others.
func TestLatest(t *testing.T) {
	m := twoProcessors(t)
	plain := func() { increment(m); increment(m) }
	locked := func() { m.Lock(3); increment(m); m.Unlock(3); increment(m) }
	late := func() { increment(m); m.Lock(3); m.Unlock(3) }
	dies := func() { increment(m); m.Die(Crash{Kind: CrashStopped}) }
	start := NewState(m.L)
	start.CopyFrom(m.State)
	tried, followed := 0, 0
	for _, code := range [][2]func(){{plain, plain}, {locked, locked}, {locked, late}, {late, dies}, {plain, locked}} {
		d := NewDuo(m)
		run := func(s Schedule) {
			m.State.CopyFrom(start)
			d.Run(code, s)
		}
		var longer func(s Schedule, at int)
		longer = func(s Schedule, at int) {
			run(s)
			latest := d.Latest()
			for p := 1; p <= latest+3; p++ {
				s.Points[at] = uint8(p)
				run(s)
				if tried++; d.Followed() != (p <= latest) {
					t.Fatalf("%v can be followed: %v, the latest is %d", s, d.Followed(), latest)
				}
				if p <= latest {
					followed++
					if at < 2 {
						longer(s, at+1)
					}
				}
			}
		}
		for first := range 2 {
			longer(Schedule{First: first}, 0)
		}
	}
	if followed < 300 || tried-followed < 100 {
		t.Errorf("%d schedules of %d could be followed", followed, tried)
	}
}
