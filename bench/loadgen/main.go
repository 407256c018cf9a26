// Command loadgen asks an LLM proxy for many answers at once, checks that every
// one came through whole, and charges CPU time and memory to the processes it
// is told to watch. It prints one JSON object.
//
// The answers come from the mock backend behind the proxy, which is told what
// to say by a directive in the request (see ../mockup/directive.go). Every
// delta holds the marker "zq" once, whatever dialect it was translated into.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"strings"
	"time"
)

type options struct {
	url, proto, path, model, key, body string
	stream                             bool
	count, total, warm                 int
	deltas, bytes, pause, jitter       int
	group, wait, prompt, vary          int
	kind                               string
	tools, text                        int
	slow, ramp, timeout                time.Duration
	pids                               string
	verbose                            bool
}

func flags() options {
	var o options
	flag.StringVar(&o.url, "url", "http://127.0.0.1:8080", "base URL of the proxy")
	flag.StringVar(&o.proto, "proto", "chat", "dialect spoken: chat | messages | responses")
	flag.StringVar(&o.path, "path", "", "request path (default: the dialect's own)")
	flag.StringVar(&o.model, "model", "mock", "model name")
	flag.StringVar(&o.key, "key", "sk-bench", "API key, sent as Bearer and as x-api-key")
	flag.StringVar(&o.body, "body", "", "file with the JSON body to send; its \"stream\" and its directive must agree with -stream and -dn")
	flag.BoolVar(&o.stream, "stream", true, "ask for a stream")
	flag.IntVar(&o.count, "c", 1, "requests at a time, each on its own connection")
	flag.IntVar(&o.total, "n", 100, "requests in all")
	flag.IntVar(&o.warm, "warm", 0, "requests before measuring begins")
	flag.IntVar(&o.deltas, "dn", 100, "mock: deltas per answer; also what is demanded of every answer")
	flag.IntVar(&o.bytes, "db", 20, "mock: bytes of text per delta")
	flag.IntVar(&o.pause, "dd", 0, "mock: milliseconds between writes")
	flag.IntVar(&o.jitter, "dj", 0, "mock: up to so many milliseconds more")
	flag.IntVar(&o.group, "dc", 1, "mock: events per write")
	flag.IntVar(&o.wait, "dt", 0, "mock: milliseconds before the first byte")
	flag.IntVar(&o.prompt, "df", 0, "mock: 1 = the first delta leaves with the head")
	flag.IntVar(&o.vary, "dv", 0, "mock: 1 = a field that differs in every chunk")
	flag.StringVar(&o.kind, "dk", "text", "mock: text | reason | tool | mixed")
	flag.IntVar(&o.tools, "tools", 0, "tool definitions in the request")
	flag.IntVar(&o.text, "prompt", 200, "bytes of prompt text")
	flag.DurationVar(&o.slow, "slow", 0, "sleep after every read: a slow reader")
	flag.DurationVar(&o.ramp, "ramp", 0, "spread the first requests over this long")
	flag.DurationVar(&o.timeout, "timeout", 2*time.Minute, "limit for one request")
	flag.StringVar(&o.pids, "pids", "", "processes to watch, NAME=PID,NAME=PID; their children are included")
	flag.BoolVar(&o.verbose, "v", false, "print one answer instead of measuring")
	flag.Parse()
	return o
}

func main() {
	log.SetFlags(0)
	o := flags()
	target, err := url.Parse(o.url)
	if err != nil {
		log.Fatal(err)
	}
	ask, err := newQuestion(o, target.Host)
	if err != nil {
		log.Fatal(err)
	}
	if o.verbose {
		if err := ask.show(os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	watched, err := watches(o.pids)
	if err != nil {
		log.Fatal(err)
	}
	out, err := json.Marshal(measure(o, ask, watched))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(out))
}

func watches(list string) ([]*watch, error) {
	var all []*watch
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		w, err := newWatch(item)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

func measure(o options, ask *question, watched []*watch) report {
	if o.warm > 0 {
		ask.crowd(min(o.count, o.warm), o.warm, 0)
	}
	for _, w := range watched {
		w.begin()
	}
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond):
				for _, w := range watched {
					w.look()
				}
			}
		}
	}()
	own, machine := cpuSeconds(os.Getpid()), machineSeconds()
	begun := time.Now()
	answers := ask.crowd(o.count, o.total, o.ramp)
	wall := time.Since(begun)
	close(stop)
	<-stopped
	r := newReport(answers, wall)
	others := machineSeconds() - machine - (cpuSeconds(os.Getpid()) - own)
	for _, w := range watched {
		seen := w.end()
		r.Watched[w.name] = seen
		others -= seen.CPU
	}
	r.Others = max(0, others/wall.Seconds())
	return r
}
