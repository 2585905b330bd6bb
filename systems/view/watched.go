package view

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// StepWatcher is told of steps; see systems.Watcher.
type StepWatcher interface {
	Step(s *model.State, step reports.Step)
}

// WatchedSteps describes the steps of a machine to a watcher.
type WatchedSteps struct {
	Log StepLog
	To  StepWatcher
}

// Step implements model.Observer.
func (w *WatchedSteps) Step(m *model.Machine, s *model.Step) {
	w.Log.Steps = w.Log.Steps[:0]
	w.Log.Step(m, s)
	w.show()
}

// Aside shows what kernel code does to flags between its steps, and what it holds back.
func (w *WatchedSteps) Aside(a model.Aside) {
	w.Log.Steps = w.Log.Steps[:0]
	w.Log.Aside(a)
	w.show()
}

func (w *WatchedSteps) show() {
	for _, step := range w.Log.Steps {
		w.To.Step(w.Log.State, step)
	}
}
