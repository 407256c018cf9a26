package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

type dialect int

const (
	chat dialect = iota
	messages
	responses
)

const filler = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor "

// deltaText is the text of the i-th delta: the marker clients count, now and
// then a character that JSON escapes or UTF-8 widens, and filler that differs
// from one delta to the next. It never ends in a space.
func deltaText(i, size int) string {
	text := "zq"
	switch {
	case i%16 == 7:
		text += "é"
	case i%8 == 3:
		text += "\n\""
	}
	for at := i * 5 % len(filler); len(text) < size; at = 0 {
		text += filler[at:min(len(filler), at+size-len(text))]
	}
	if strings.HasSuffix(text, " ") { // which a proxy may keep until it knows what follows
		text = text[:len(text)-1] + "."
	}
	return text
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// unquoted is the text as it stands between the quotes of a JSON string.
func unquoted(s string) string {
	quoted := quote(s)
	return quoted[1 : len(quoted)-1]
}

// whole is an answer that is not streamed.
func whole(d dialect, told directive, model string) string {
	var text strings.Builder
	for i := range told.deltas {
		text.WriteString(deltaText(i, told.bytes))
	}
	switch d {
	case messages:
		return fmt.Sprintf(`{"id":"msg_mock","type":"message","role":"assistant","model":%s,"content":[{"type":"text","text":%s}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":123,"output_tokens":%d}}`,
			quote(model), quote(text.String()), told.deltas)
	case responses:
		return response(model, "completed", message(text.String()), responsesUsage(told))
	}
	return fmt.Sprintf(`{"id":"chatcmpl-mock","object":"chat.completion","created":1763800000,"model":%s,"choices":[{"index":0,"message":{"role":"assistant","content":%s},"logprobs":null,"finish_reason":"stop"}],"usage":%s}`,
		quote(model), quote(text.String()), chatUsage(told))
}

func chatUsage(told directive) string {
	return fmt.Sprintf(`{"prompt_tokens":123,"completion_tokens":%d,"total_tokens":%d}`, told.deltas, told.deltas+123)
}

// events are the server-sent events of a streamed answer.
func events(d dialect, told directive, model string) []string {
	switch d {
	case messages:
		s := messagesStream{told: told}
		return s.render(model)
	case responses:
		s := responsesStream{told: told}
		return s.render(model)
	}
	s := chatStream{told: told, model: quote(model)}
	return s.render()
}

type chatStream struct {
	told   directive
	model  string
	events []string
}

func (s *chatStream) render() []string {
	s.chunk(`{"role":"assistant","content":""}`, "null")
	finish := `"stop"`
	n := s.told.deltas
	switch s.told.kind {
	case "reason":
		s.grow("reasoning_content", n/2)
		s.grow("content", n-n/2)
	case "tool":
		s.tool(0, n)
		finish = `"tool_calls"`
	case "mixed":
		s.grow("reasoning_content", n/4)
		s.grow("content", n-3*(n/4))
		s.tool(0, n/4)
		s.tool(1, n/4)
		finish = `"tool_calls"`
	default:
		s.grow("content", n)
	}
	s.chunk(`{}`, finish)
	s.say(fmt.Sprintf(`"choices":[],"usage":%s`, chatUsage(s.told)))
	return append(s.events, "data: [DONE]\n\n")
}

func (s *chatStream) say(members string) {
	s.events = append(s.events, fmt.Sprintf(`data: {"id":"chatcmpl-8f3a2b1c9d4e","object":"chat.completion.chunk","created":1763800000,"model":%s,"system_fingerprint":"fp_mock",%s}`+"\n\n", s.model, members))
}

func (s *chatStream) chunk(delta, finish string) {
	members := fmt.Sprintf(`"choices":[{"index":0,"delta":%s,"logprobs":null,"finish_reason":%s}]`, delta, finish)
	if s.told.vary > 0 {
		members += fmt.Sprintf(`,"obfuscation":"%08x"`, uint32(len(s.events)+1)*2654435761)
	}
	s.say(members)
}

func (s *chatStream) grow(field string, n int) {
	for i := range n {
		s.chunk(fmt.Sprintf(`{"%s":%s}`, field, quote(deltaText(i, s.told.bytes))), "null")
	}
}

// tool is one call whose arguments are {"q": TEXT}: JSON within JSON.
func (s *chatStream) tool(index, n int) {
	s.chunk(fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"call_mock%04d","type":"function","function":{"name":"search","arguments":""}}]}`, index, index), "null")
	argue := func(text string) {
		s.chunk(fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}`, index, quote(text)), "null")
	}
	argue(`{"q":"`)
	for i := range n {
		argue(unquoted(deltaText(i, s.told.bytes)))
	}
	argue(`"}`)
}

type messagesStream struct {
	told   directive
	index  int
	events []string
}

func (s *messagesStream) render(model string) []string {
	s.say("message_start", `"message":{"id":"msg_mock","type":"message","role":"assistant","content":[],"model":`+quote(model)+`,"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":123,"output_tokens":1}}`)
	n := s.told.deltas
	if s.told.kind == "reason" {
		s.block(`{"type":"thinking","thinking":"","signature":""}`, "thinking_delta", "thinking", n/2)
		n -= n / 2
	}
	s.block(`{"type":"text","text":""}`, "text_delta", "text", n)
	s.say("message_delta", fmt.Sprintf(`"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":%d}`, s.told.deltas))
	s.say("message_stop", "")
	return s.events
}

func (s *messagesStream) say(name, members string) {
	if members != "" {
		members = "," + members
	}
	s.events = append(s.events, fmt.Sprintf("event: %s\ndata: {\"type\":\"%s\"%s}\n\n", name, name, members))
}

func (s *messagesStream) block(start, delta, field string, n int) {
	s.say("content_block_start", fmt.Sprintf(`"index":%d,"content_block":%s`, s.index, start))
	for i := range n {
		s.say("content_block_delta", fmt.Sprintf(`"index":%d,"delta":{"type":"%s","%s":%s}`, s.index, delta, field, quote(deltaText(i, s.told.bytes))))
	}
	s.say("content_block_stop", fmt.Sprintf(`"index":%d`, s.index))
	s.index++
}
