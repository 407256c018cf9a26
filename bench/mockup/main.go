// Command mockup is a fast imitation of an LLM backend, for benchmarks.
//
// It speaks HTTP/1.1 with keep-alive on a bare listener, so that a streamed
// event costs it one write(2) and nothing else. It answers
// POST .../chat/completions, .../messages and .../responses, streamed or whole,
// and GET .../models, /healthz and /_stats. What it answers is told by a
// directive anywhere in the request's body; see directive.go.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const modelList = `{"object":"list","data":[{"id":"mock","object":"model","created":1,"owned_by":"mock","max_model_len":131072}]}`

var requests, connections, active, peak atomic.Int64

func main() {
	addr := flag.String("addr", "127.0.0.1:9000", "listen address")
	flag.Parse()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(conn)
	}
}

// serve answers the requests of one connection, one after the other.
func serve(conn net.Conn) {
	defer conn.Close()
	connections.Add(1)
	reader := bufio.NewReaderSize(conn, 8192)
	for {
		req, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		if req.Header.Get("Expect") == "100-continue" {
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		requests.Add(1)
		peak.Store(max(peak.Load(), active.Add(1)))
		err = answer(conn, req.URL.Path, body)
		active.Add(-1)
		if err != nil || req.Close {
			return
		}
	}
}

func answer(w io.Writer, path string, body []byte) error {
	switch {
	case strings.HasSuffix(path, "/chat/completions"):
		return generate(w, chat, body)
	case strings.HasSuffix(path, "/messages"):
		return generate(w, messages, body)
	case strings.HasSuffix(path, "/responses"):
		return generate(w, responses, body)
	case strings.HasSuffix(path, "/models"):
		return reply(w, 200, modelList)
	case path == "/healthz":
		return reply(w, 200, `{"status":"ok"}`)
	case path == "/_stats":
		return reply(w, 200, fmt.Sprintf(`{"requests":%d,"connections":%d,"active":%d,"peak":%d}`,
			requests.Load(), connections.Load(), active.Load()-1, peak.Load()))
	}
	return reply(w, 404, problem("no such path"))
}

// generate answers one request for an answer, whole or as a stream.
func generate(w io.Writer, d dialect, body []byte) error {
	var asked struct {
		Model  string `json:"model"`
		Stream bool   `json:"stream"`
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return reply(w, 400, problem("the body is not JSON: "+err.Error()))
	}
	told := parseDirective(body)
	time.Sleep(time.Duration(told.wait) * time.Millisecond)
	if told.status != 0 {
		return reply(w, told.status, problem("as the directive told"))
	}
	if !asked.Stream {
		return reply(w, 200, whole(d, told, asked.Model))
	}
	return stream(w, told, streamWrites(d, told, asked.Model))
}

func reply(w io.Writer, status int, body string) error {
	_, err := fmt.Fprintf(w, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
	return err
}

func problem(message string) string {
	return `{"error":{"message":` + quote(message) + `,"type":"mock_error","code":"mock"}}`
}
