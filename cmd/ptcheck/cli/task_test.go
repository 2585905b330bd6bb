package cli

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// safe is a buffer for several goroutines.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestTaskShows lets a task run that has begun long ago.
func TestTaskShows(t *testing.T) {
	for _, tty := range []bool{true, false} {
		var w safe
		task := &task{ctx: context.Background(), name: "replay", total: 7, start: time.Now().Add(-2 * time.Second),
			d: display{w: &w, tty: tty}, stop: make(chan struct{})}
		task.step(3, "c.pt")
		go task.tick(task.stop, time.Millisecond)
		for deadline := time.Now().Add(10 * time.Second); !strings.Contains(w.String(), "replay: 3 of 7, 2 s, last: c.pt"); {
			if time.Now().After(deadline) {
				t.Fatalf("shows %q", w.String())
			}
			time.Sleep(time.Millisecond)
		}
		task.done()
		task.done()
		if wiped := strings.HasSuffix(w.String(), "\r\x1b[K"); wiped != tty {
			t.Errorf("terminal %t: ends in %q", tty, w.String())
		}
		shown := w.String()
		task.show()
		if w.String() != shown {
			t.Errorf("shows %q after its end", w.String()[len(shown):])
		}
	}
}

// TestPatience wants nothing of a task that has just begun.
func TestPatience(t *testing.T) {
	var w safe
	task := &task{ctx: context.Background(), start: time.Now(), d: display{w: &w}, stop: make(chan struct{})}
	task.show()
	if w.String() != "" {
		t.Errorf("shows %q", w.String())
	}
}

// TestQuietInPipes: progress goes to terminals, unless it is asked for.
func TestQuietInPipes(t *testing.T) {
	for mode, off := range map[string]bool{"auto": true, "never": true, "always": false} {
		cmd := &cobra.Command{}
		cmd.SetErr(new(bytes.Buffer))
		cmd.Flags().String("progress", mode, "")
		if d := newDisplay(cmd); d.off != off || d.tty {
			t.Errorf("%s: off %t, terminal %t", mode, d.off, d.tty)
		}
	}
}
