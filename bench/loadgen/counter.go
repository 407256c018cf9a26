package main

import "bytes"

// tailSize is how much of what was read is kept to find markers cut in two. It
// also is what an error message quotes.
const tailSize = 120

// A counter counts markers in a stream, however it is cut. A marker is shorter
// than tailSize.
type counter struct {
	markers [][]byte
	tail    []byte
	found   int
}

func newCounter(markers ...string) *counter {
	c := &counter{}
	for _, m := range markers {
		c.markers = append(c.markers, []byte(m))
	}
	return c
}

func (c *counter) feed(piece []byte) {
	seam := append(c.tail[:len(c.tail):len(c.tail)], piece[:min(len(piece), tailSize)]...)
	for _, m := range c.markers {
		c.found += bytes.Count(piece, m)
		// Only what begins in the tail and ends in the piece.
		from := max(0, len(c.tail)-len(m)+1)
		to := min(len(seam), len(c.tail)+len(m)-1)
		c.found += bytes.Count(seam[from:to], m)
	}
	if len(piece) >= tailSize {
		c.tail = append(c.tail[:0], piece[len(piece)-tailSize:]...)
	} else {
		c.tail = seam[max(0, len(seam)-tailSize):]
	}
}
