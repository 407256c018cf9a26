package main

import (
	"fmt"
	"strings"
)

const (
	reasoningID = `"rs_mock"`
	messageID   = `"msg_mock"`
)

// response is the object that a whole answer is, and that the first and the
// last events of a streamed one carry.
func response(model, status, output, usage string) string {
	return fmt.Sprintf(`{"id":"resp_mock","object":"response","created_at":1763800000,"status":%s,"background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":%s,"output":[%s],"parallel_tool_calls":true,"previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":"medium","summary":null},"safety_identifier":null,"service_tier":"default","store":false,"temperature":1.0,"text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":%s,"user":null,"metadata":{}}`,
		quote(status), quote(model), output, usage)
}

func responsesUsage(told directive) string {
	return fmt.Sprintf(`{"input_tokens":123,"input_tokens_details":{"cached_tokens":0},"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":%d}`, told.deltas, told.deltas+123)
}

func message(text string) string {
	return fmt.Sprintf(`{"id":%s,"type":"message","status":"completed","role":"assistant","content":[%s]}`, messageID, outputText(text))
}

func outputText(text string) string {
	return fmt.Sprintf(`{"type":"output_text","annotations":[],"logprobs":[],"text":%s}`, quote(text))
}

type responsesStream struct {
	told   directive
	events []string
	output []string // the items that are done
}

func (s *responsesStream) render(model string) []string {
	s.say("response.created", `"response":`+response(model, "in_progress", "", "null"))
	s.say("response.in_progress", `"response":`+response(model, "in_progress", "", "null"))
	n := s.told.deltas
	if s.told.kind == "reason" {
		s.reason(n / 2)
		n -= n / 2
	}
	s.speak(n)
	s.say("response.completed", `"response":`+response(model, "completed", strings.Join(s.output, ","), responsesUsage(s.told)))
	return s.events
}

func (s *responsesStream) say(name, members string) {
	s.events = append(s.events, fmt.Sprintf("event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%d,%s}\n\n", name, name, len(s.events), members))
}

// grow says n deltas of the block at place, and returns all of its text.
func (s *responsesStream) grow(name, place string, n int) string {
	var text strings.Builder
	for i := range n {
		more := deltaText(i, s.told.bytes)
		text.WriteString(more)
		members := fmt.Sprintf(`%s,"delta":%s`, place, quote(more))
		if s.told.vary > 0 {
			members += fmt.Sprintf(`,"obfuscation":"%08x"`, uint32(len(s.events)+1)*2654435761)
		}
		s.say(name, members)
	}
	return text.String()
}

func (s *responsesStream) done(item string) {
	s.say("response.output_item.done", fmt.Sprintf(`"output_index":%d,"item":%s`, len(s.output), item))
	s.output = append(s.output, item)
}

func (s *responsesStream) reason(n int) {
	at := fmt.Sprintf(`"item_id":%s,"output_index":%d,"summary_index":0`, reasoningID, len(s.output))
	s.say("response.output_item.added", fmt.Sprintf(`"output_index":%d,"item":{"id":%s,"type":"reasoning","summary":[]}`, len(s.output), reasoningID))
	s.say("response.reasoning_summary_part.added", at+`,"part":{"type":"summary_text","text":""}`)
	text := quote(s.grow("response.reasoning_summary_text.delta", at, n))
	s.say("response.reasoning_summary_text.done", at+`,"text":`+text)
	s.say("response.reasoning_summary_part.done", at+`,"part":{"type":"summary_text","text":`+text+`}`)
	s.done(fmt.Sprintf(`{"id":%s,"type":"reasoning","summary":[{"type":"summary_text","text":%s}]}`, reasoningID, text))
}

func (s *responsesStream) speak(n int) {
	at := fmt.Sprintf(`"item_id":%s,"output_index":%d,"content_index":0`, messageID, len(s.output))
	s.say("response.output_item.added", fmt.Sprintf(`"output_index":%d,"item":{"id":%s,"type":"message","status":"in_progress","role":"assistant","content":[]}`, len(s.output), messageID))
	s.say("response.content_part.added", at+`,"part":`+outputText(""))
	text := s.grow("response.output_text.delta", at+`,"logprobs":[]`, n)
	s.say("response.output_text.done", at+`,"logprobs":[],"text":`+quote(text))
	s.say("response.content_part.done", at+`,"part":`+outputText(text))
	s.done(message(text))
}
