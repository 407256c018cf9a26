package main

import (
	"bytes"
	"strconv"
	"strings"
)

// A directive tells the mock what to answer. It stands anywhere in the
// request's body, best in the user's message, so that it survives every
// translation on its way:
//
//	[[mock n=200 b=20 d=5 j=5 k=text]]
type directive struct {
	deltas  int    // n: deltas per answer
	bytes   int    // b: bytes of text per delta
	pause   int    // d: milliseconds between writes
	jitter  int    // j: up to so many milliseconds more, evenly spread
	group   int    // c: events put together into one write
	kind    string // k: text | reason | tool | mixed (the last two for chat only)
	wait    int    // t: milliseconds before the first byte
	prompt  int    // f: 1 = the first delta leaves with the head, without a pause
	slice   int    // s: cut the stream into writes of so many bytes, whatever they hold
	status  int    // e: answer with this HTTP status instead
	breakAt int    // x: close the connection after so many writes
	vary    int    // v: 1 = a field that differs in every chunk, as OpenAI's "obfuscation" (not in messages)
}

var defaults = directive{deltas: 100, bytes: 20, group: 1, kind: "text"}

// parseDirective reads the last directive in a body. What it does not know it
// leaves at its default.
func parseDirective(body []byte) directive {
	told := defaults
	start := bytes.LastIndex(body, []byte("[[mock"))
	if start < 0 {
		return told
	}
	words, _, found := bytes.Cut(body[start+len("[[mock"):], []byte("]]"))
	if !found {
		return told
	}
	numbers := map[string]*int{
		"n": &told.deltas, "b": &told.bytes, "d": &told.pause, "j": &told.jitter, "c": &told.group, "t": &told.wait,
		"f": &told.prompt, "s": &told.slice, "e": &told.status, "x": &told.breakAt, "v": &told.vary,
	}
	for _, word := range strings.Fields(string(words)) {
		name, value, _ := strings.Cut(word, "=")
		if name == "k" {
			told.kind = value
		} else if number, known := numbers[name]; known {
			if n, err := strconv.Atoi(value); err == nil {
				*number = n
			}
		}
	}
	told.group = max(1, told.group)
	return told
}
