package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"

type streamKey struct {
	dialect dialect
	told    directive
	model   string
}

var rendered sync.Map // streamKey -> [][]byte: what each write of the stream holds

// streamWrites renders a stream, head and chunk framing included, once per
// distinct directive.
func streamWrites(d dialect, told directive, model string) [][]byte {
	key := streamKey{d, told, model}
	if found, ok := rendered.Load(key); ok {
		return found.([][]byte)
	}
	writes := group(events(d, told, model), told)
	if told.slice > 0 {
		writes = cut(bytes.Join(writes, nil), told.slice)
	}
	rendered.Store(key, writes)
	return writes
}

// group puts events together into writes, the head with the first of them.
func group(events []string, told directive) [][]byte {
	var writes [][]byte
	var pending bytes.Buffer
	pending.WriteString(streamHead)
	first := told.prompt > 0
	for i, event := range events {
		fmt.Fprintf(&pending, "%x\r\n%s\r\n", len(event), event)
		if first {
			first = !strings.Contains(event, "zq")
		}
		if !first && (i+1)%told.group == 0 {
			writes = append(writes, bytes.Clone(pending.Bytes()))
			pending.Reset()
		}
	}
	pending.WriteString("0\r\n\r\n")
	return append(writes, bytes.Clone(pending.Bytes()))
}

func cut(all []byte, size int) [][]byte {
	var pieces [][]byte
	for len(all) > 0 {
		n := min(size, len(all))
		pieces, all = append(pieces, all[:n]), all[n:]
	}
	return pieces
}

// stream sends the writes at the pace the directive tells.
func stream(w io.Writer, told directive, writes [][]byte) error {
	for i, data := range writes {
		if i > 0 && told.pause+told.jitter > 0 {
			pause := time.Duration(told.pause) * time.Millisecond
			time.Sleep(pause + rand.N(time.Duration(told.jitter)*time.Millisecond+1))
		}
		if told.breakAt > 0 && i >= told.breakAt {
			return io.ErrClosedPipe
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}
