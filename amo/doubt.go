package amo

import "time"

// doubt tells that it is being found out what became of items. What else their
// callers have to send waits for that, and who has no time for it is told unknown.
// The function that it returns ends that: isFound says of which items it is known,
// and hasLooked whether upstream could be asked.
func (b *batch[W]) doubt(items []*item[W], unknown error) (settled func(isFound func(n int) bool, hasLooked bool)) {
	q := b.lane.queue
	margin := b.how.client.config.Settings.LookMargin
	parties := map[*party[W]][]int{}
	q.mu.Lock()
	for n, it := range items {
		parties[it.party] = append(parties[it.party], n)
	}
	var timers []*time.Timer
	for p, places := range parties {
		p.doubts++
		if p.deadline.IsZero() {
			continue
		}
		timers = append(timers, time.AfterFunc(time.Until(p.deadline.Add(-margin)), func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			for _, n := range places {
				if it := items[n]; !it.hasEnded {
					it.isLeft = true
					p.end(it, unlooked(asError(unknown)))
				}
			}
		}))
	}
	q.mu.Unlock()
	return func(isFound func(n int) bool, hasLooked bool) {
		for _, timer := range timers {
			timer.Stop()
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		for p, places := range parties {
			p.doubts--
			isDoubted := false
			for _, n := range places {
				isDoubted = isDoubted || !isFound(n)
			}
			if isDoubted && (p.isDoubted || !hasLooked) {
				p.giveUp(unknown)
			}
			p.isDoubted = isDoubted
		}
		for _, l := range q.lanes {
			l.proceed()
		}
		q.clean()
	}
}
