package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// errIdleClosed: the server closed a kept connection before it saw the
// question, which it may at any time; the question is asked again.
var errIdleClosed = errors.New("idle connection closed")

// An answer is what one request came to. Deltas counts what arrived, err says
// what was wrong with it.
type answer struct {
	deltas  int
	bytes   int64
	first   time.Duration // to the first delta
	silence time.Duration // the longest after it
	total   time.Duration
	err     error
}

// ask sends the question over one connection and reads the whole answer. keep
// tells whether the connection can be used again.
func (q *question) ask(l *line, fresh bool) (a answer, keep bool) {
	begun := time.Now()
	resp, err := q.send(l)
	if err != nil {
		a.err = fmt.Errorf("head: %w", err)
		if !fresh {
			a.err = errIdleClosed
		}
		return a, false
	}
	deltas, ends := newCounter(q.markers...), newCounter(q.end)
	piece := make([]byte, 32<<10)
	var heard time.Time
	for {
		n, err := resp.Body.Read(piece)
		if n > 0 {
			now := time.Now()
			if a.first > 0 {
				a.silence = max(a.silence, now.Sub(heard))
			}
			heard = now
			a.bytes += int64(n)
			ends.feed(piece[:n])
			if deltas.feed(piece[:n]); a.first == 0 && deltas.found > 0 {
				a.first = time.Since(begun)
			}
			if q.slow > 0 {
				time.Sleep(q.slow)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			a.err = fmt.Errorf("body: %w", err)
			return a, false
		}
	}
	a.deltas, a.total = deltas.found, time.Since(begun)
	switch {
	case resp.StatusCode != 200:
		a.err = fmt.Errorf("status %d: %s", resp.StatusCode, deltas.tail)
	case q.stream && ends.found != 1:
		a.err = fmt.Errorf("%d ends in one stream, last bytes %q", ends.found, ends.tail)
	case a.deltas != q.deltas:
		a.err = fmt.Errorf("%d deltas instead of %d", a.deltas, q.deltas)
	}
	return a, a.err == nil && !resp.Close
}

// crowd asks the question total times, count at once, the first of them spread
// over ramp.
func (q *question) crowd(count, total int, ramp time.Duration) []answer {
	var left atomic.Int64
	left.Store(int64(total))
	var mutex sync.Mutex
	var all []answer
	var members sync.WaitGroup
	for i := range count {
		members.Add(1)
		go func() {
			defer members.Done()
			time.Sleep(ramp * time.Duration(i) / time.Duration(count))
			mine := q.member(&left)
			mutex.Lock()
			defer mutex.Unlock()
			all = append(all, mine...)
		}()
	}
	members.Wait()
	return all
}

// member asks one question after the other, over one connection for as long as
// the server keeps it.
func (q *question) member(left *atomic.Int64) []answer {
	var mine []answer
	var l *line
	for left.Add(-1) >= 0 {
		fresh := l == nil
		if fresh {
			var err error
			if l, err = q.dial(); err != nil {
				mine = append(mine, answer{err: err})
				continue
			}
		}
		a, keep := q.ask(l, fresh)
		if !keep {
			l.Close()
			l = nil
		}
		if a.err == errIdleClosed {
			left.Add(1)
			continue
		}
		mine = append(mine, a)
	}
	if l != nil {
		l.Close()
	}
	return mine
}
