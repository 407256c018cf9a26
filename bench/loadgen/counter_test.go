package main

import "testing"

func TestCuttingDoesNotMatter(t *testing.T) {
	const text = "data: [DONE]data: [DO[DONE][DONE]\n\nNE][DONE"
	for size := 1; size <= len(text); size++ {
		c := newCounter("[DONE]")
		for at := 0; at < len(text); at += size {
			c.feed([]byte(text[at:min(len(text), at+size)]))
		}
		if c.found != 3 {
			t.Errorf("cut into %d bytes: found %d", size, c.found)
		}
	}
}
