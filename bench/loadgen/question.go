package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

type object = map[string]any

// A question is one HTTP request, ready to be sent any number of times, and
// what its answer must look like.
type question struct {
	host    string
	raw     []byte
	stream  bool
	deltas  int
	markers []string // each delta holds exactly one of these
	end     string   // a stream holds this exactly once
	slow    time.Duration
	timeout time.Duration
}

func newQuestion(o options, host string) (*question, error) {
	q := &question{host: host, stream: o.stream, deltas: o.deltas, markers: []string{"zq"}, slow: o.slow, timeout: o.timeout}
	path := ""
	switch o.proto {
	case "chat":
		path, q.end = "/v1/chat/completions", "[DONE]"
	case "messages":
		path, q.end = "/v1/messages", "event: message_stop"
	case "responses":
		path, q.end = "/v1/responses", "event: response.completed"
		if o.stream { // the text comes again, whole, when its block is done
			q.markers = []string{`"delta":"zq`, `"delta": "zq`}
		}
	default:
		return nil, fmt.Errorf("-proto %s: expected chat, messages or responses", o.proto)
	}
	if o.path != "" {
		path = o.path
	}
	body, err := requestBody(o)
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nUser-Agent: loadgen\r\nAuthorization: Bearer %s\r\nx-api-key: %s\r\nanthropic-version: 2023-06-01\r\nContent-Length: %d\r\n\r\n",
		path, host, o.key, o.key, len(body))
	raw.Write(body)
	q.raw = raw.Bytes()
	return q, nil
}

func requestBody(o options) ([]byte, error) {
	if o.body != "" {
		return os.ReadFile(o.body)
	}
	text := fmt.Sprintf("[[mock n=%d b=%d d=%d j=%d c=%d k=%s t=%d f=%d v=%d]]",
		o.deltas, o.bytes, o.pause, o.jitter, o.group, o.kind, o.wait, o.prompt, o.vary)
	const sentence = "The quick brown fox jumps over the lazy dog. "
	if pad := o.text - len(text); pad > 0 {
		text = strings.Repeat(sentence, pad/len(sentence)+1)[:pad] + text
	}
	turns := []any{object{"role": "user", "content": text}}
	body := object{"model": o.model, "stream": o.stream}
	switch o.proto {
	case "messages":
		body["messages"], body["max_tokens"] = turns, 4096
	case "responses":
		body["input"], body["store"] = turns, false // as Codex says it
	default:
		body["messages"] = turns
		if o.stream {
			body["stream_options"] = object{"include_usage": true}
		}
	}
	if o.tools > 0 {
		body["tools"] = toolDefinitions(o.proto, o.tools)
	}
	return json.Marshal(body)
}

func toolDefinitions(proto string, n int) []any {
	schema := object{
		"type":       "object",
		"properties": object{"q": object{"type": "string", "description": "what to look for"}},
		"required":   []string{"q"},
	}
	const purpose = "Searches the workspace for the given text and returns the matching lines with their file names."
	var tools []any
	for i := range n {
		name := fmt.Sprintf("search_%d", i)
		switch proto {
		case "messages":
			tools = append(tools, object{"name": name, "description": purpose, "input_schema": schema})
		case "responses":
			tools = append(tools, object{"type": "function", "name": name, "description": purpose, "parameters": schema})
		default:
			tools = append(tools, object{"type": "function", "function": object{"name": name, "description": purpose, "parameters": schema}})
		}
	}
	return tools
}

// line is one connection to the proxy.
type line struct {
	net.Conn
	reader *bufio.Reader
}

func (q *question) dial() (*line, error) {
	conn, err := net.DialTimeout("tcp", q.host, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &line{conn, bufio.NewReaderSize(conn, 32<<10)}, nil
}

// send asks the question and returns the answer's head, its body unread.
func (q *question) send(l *line) (*http.Response, error) {
	l.SetDeadline(time.Now().Add(q.timeout))
	if _, err := l.Write(q.raw); err != nil {
		return nil, err
	}
	return http.ReadResponse(l.reader, &http.Request{Method: http.MethodPost})
}

// show prints one answer as it comes.
func (q *question) show(w io.Writer) error {
	l, err := q.dial()
	if err != nil {
		return err
	}
	defer l.Close()
	resp, err := q.send(l)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, resp.Status, resp.Header)
	_, err = io.Copy(w, resp.Body)
	return err
}
