package main

import (
	"fmt"
	"sort"
	"time"
)

// A report is what is printed. Times are milliseconds unless they say so.
type report struct {
	Requests int                `json:"requests"`
	OK       int                `json:"ok"`
	Errors   []string           `json:"errors"` // the most frequent kinds, with their number
	Deltas   int                `json:"deltas"`
	Bytes    int64              `json:"bytes"`
	Wall     float64            `json:"wall_s"`
	Others   float64            `json:"others_cores"` // used by processes neither watched nor this one
	First    spread             `json:"first_delta_ms"`
	Silence  spread             `json:"longest_silence_ms"` // of each answer, after its first delta
	Total    spread             `json:"total_ms"`
	Watched  map[string]watched `json:"watched"`
}

type spread struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
}

func newReport(answers []answer, wall time.Duration) report {
	r := report{Requests: len(answers), Errors: []string{}, Wall: wall.Seconds(), Watched: map[string]watched{}}
	var first, silence, total []float64
	kinds := map[string]int{}
	for _, a := range answers {
		if a.err != nil {
			kinds[a.err.Error()]++
			continue
		}
		r.OK++
		r.Deltas += a.deltas
		r.Bytes += a.bytes
		first = append(first, milliseconds(a.first))
		silence = append(silence, milliseconds(a.silence))
		total = append(total, milliseconds(a.total))
	}
	r.First, r.Silence, r.Total, r.Errors = newSpread(first), newSpread(silence), newSpread(total), commonest(kinds)
	return r
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func newSpread(values []float64) spread {
	sort.Float64s(values)
	at := func(share float64) float64 {
		if len(values) == 0 {
			return 0
		}
		return values[int(float64(len(values)-1)*share+0.5)]
	}
	return spread{at(.5), at(.9), at(.99)}
}

func commonest(kinds map[string]int) []string {
	texts := []string{}
	for text := range kinds {
		texts = append(texts, text)
	}
	sort.Slice(texts, func(a, b int) bool { return kinds[texts[a]] > kinds[texts[b]] })
	texts = texts[:min(3, len(texts))]
	for i, text := range texts {
		texts[i] = fmt.Sprintf("%d x %s", kinds[text], text)
	}
	return texts
}
