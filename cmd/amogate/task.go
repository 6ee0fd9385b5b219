package main

import (
	"errors"
	"net/http"
	"sync"
)

// tasks are the servers of a process, each in a goroutine of its own.
type tasks struct {
	failed chan error
	todo   []func() error
	group  *sync.WaitGroup
}

func newTasks() tasks {
	return tasks{failed: make(chan error, 1), group: &sync.WaitGroup{}}
}

func (t *tasks) add(serve func() error) { t.todo = append(t.todo, serve) }

// start runs every task that was added since the last start. The first that
// fails is told on failed.
func (t *tasks) start() {
	for _, serve := range t.todo {
		t.group.Go(func() {
			if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) {
				select {
				case t.failed <- err:
				default:
				}
			}
		})
	}
	t.todo = nil
}

func (t *tasks) wait() { t.group.Wait() }
