"""What is remembered for clients that forget: proofs of reasoning go through them, and come back to who made them."""

from typing import Any, Final

import pytest
from msgspec import Raw

from dragoman.gateway.memory import own_items
from dragoman.protocols.seals import PREFIX
from dragoman.wire import jsons
from tests.conformance.backends import (
    DONE,
    block,
    chunk,
    completion,
    message,
    start,
    stop,
    text_block,
    thinking_block,
    tool_block,
)
from tests.gateway.stage import (
    END,
    STREAM,
    Answer,
    House,
    house,
    model,
    origin,
    playback,
    replies,
    run,
    whole,
)
from tests.gateway.stage import chunk as http_chunk
from tests.net.scripted import Asked, Backend, Peer

SIGNATURE: Final = "EqQBCkgIARABGAIiQL+/==signed"
REDACTED: Final = "EmwKAhgBEgy/opaque+data=="
THOUGHT: Final = "I should look at the weather.\n\nNow."
CALL: Final = "toolu_01AbCdEf"
BLOCKS: Final[list[dict[str, Any]]] = [
    {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE},
    {"type": "redacted_thinking", "data": REDACTED},
    {"type": "text", "text": "Let me look."},
    {"type": "tool_use", "id": CALL, "name": "weather", "input": {"city": "Rome"}},
]
FRAMES: Final = (
    start(),
    thinking_block(0, THOUGHT, SIGNATURE),
    block(1, {"type": "redacted_thinking", "data": REDACTED}),
    text_block(2, "Let me ", "look."),
    tool_block(3, CALL, "weather", '{"city":', '"Rome"}'),
    stop("tool_use"),
)
ITEMS: Final[list[dict[str, Any]]] = [
    {
        "type": "reasoning",
        "id": "rs_theirs",
        "summary": [{"type": "summary_text", "text": THOUGHT}],
        "encrypted_content": "gAAAAABencrypted==",
    },
    {
        "type": "function_call",
        "id": "fc_theirs",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"city":"Rome"}',
        "status": "completed",
    },
]
CHAT_TOOL: Final = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
RESPONSES_TOOL: Final = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
MESSAGES_TOOL: Final = {"name": "weather", "input_schema": {"type": "object"}}
USER: Final = {"role": "user", "content": "How is it in Rome?"}

streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def thinker() -> Answer:
    """Anthropic: thinks, and wants its proof back."""

    async def answer(peer: Peer, asked: Asked) -> None:
        if jsons.read(asked.body).get("stream"):
            await peer.say(STREAM, *map(http_chunk, FRAMES), END)
        else:
            await peer.say(whole(message(BLOCKS, "tool_use")))

    return answer


def reasoner() -> Answer:
    """OpenAI: reasons under encryption."""
    usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}

    def response(status: str, output: list[Any]) -> dict[str, Any]:
        head = {"id": "resp_theirs", "object": "response", "created_at": 1, "model": "x", "error": None}
        return {**head, "status": status, "output": output, "usage": usage, "incomplete_details": None}

    async def answer(peer: Peer, asked: Asked) -> None:
        if not jsons.read(asked.body).get("stream"):
            await peer.say(whole(response("completed", ITEMS)))
            return
        events: list[dict[str, Any]] = [{"type": "response.created", "response": response("in_progress", [])}]
        for index, item in enumerate(ITEMS):
            bare: dict[str, Any] = {
                name: [] if name == "summary" else "" if name == "arguments" else v for name, v in item.items()
            }
            bare.pop("encrypted_content", None)
            events.append({"type": "response.output_item.added", "output_index": index, "item": bare})
            place = {"output_index": index, "item_id": item["id"]}
            if "arguments" in item:
                events.append({"type": "response.function_call_arguments.delta", **place, "delta": item["arguments"]})
            else:
                delta = {"type": "response.reasoning_summary_text.delta", **place, "summary_index": 0}
                events.append({**delta, "delta": THOUGHT})
            events.append({"type": "response.output_item.done", "output_index": index, "item": item})
        events.append({"type": "response.completed", "response": response("completed", ITEMS)})
        frames = [b"data: %b\n\n" % jsons.write({**e, "sequence_number": n}) for n, e in enumerate(events)]
        await peer.say(STREAM, *map(http_chunk, frames), END)

    return answer


PROOF: Final = {"google": {"thought_signature": "AY89a18I+/=="}}
SIGNED: Final[list[dict[str, Any]]] = [
    {
        "id": "function-call-1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
        "extra_content": PROOF,
    },
    {"id": "function-call-2", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
]


def gemini() -> Answer:
    """Signs the first of the calls that it says in one breath, and wants that back."""

    async def answer(peer: Peer, asked: Asked) -> None:
        if jsons.read(asked.body).get("stream"):
            calls = [{**call, "index": index} for index, call in enumerate(SIGNED)]
            said = (chunk({"role": "assistant", "tool_calls": calls}), chunk({}, "stop"), DONE)
            await peer.say(STREAM, *map(http_chunk, said), END)
        else:
            await peer.say(whole(jsons.read(completion({"role": "assistant", "content": None, "tool_calls": SIGNED}))))

    return answer


def at(backend: Backend, type_: str, name: str = "m") -> dict[str, Any]:
    if type_ == "anthropic":
        return model(name, origin(backend), type=type_, profile={"family": "anthropic"})
    return model(name, f"{origin(backend)}/v1", type=type_)


def sent(backend: Backend) -> Any:
    return jsons.read(backend.asked[-1].body)


def assistant_of(backend: Backend) -> Any:
    """The content of the first assistant message that a Messages backend was sent."""
    return next(said["content"] for said in sent(backend)["messages"] if said["role"] == "assistant")


async def chat_turn(running: House, name: str = "m", *, stream: bool, **more: Any) -> dict[str, Any]:
    """Ask over Chat. Return the assistant's message as a client puts it together that knows nothing of reasoning."""
    body = {"model": name, "messages": [USER], "tools": [CHAT_TOOL], "stream": stream, **more}
    heard = await running.ask("/v1/chat/completions", body)
    assert heard.status == 200, heard.body
    if not stream:
        said = heard.json["choices"][0]["message"]
        return {"role": "assistant", "content": said["content"], "tool_calls": said["tool_calls"]}
    deltas = [choice["delta"] for frame in heard.frames for choice in frame["choices"]]
    pieces = [call for delta in deltas for call in delta.get("tool_calls") or []]
    arguments = "".join(piece["function"].get("arguments") or "" for piece in pieces)
    call = {"id": pieces[0]["id"], "type": "function"}
    return {
        "role": "assistant",
        "content": "".join(delta.get("content") or "" for delta in deltas),
        "tool_calls": [{**call, "function": {"name": pieces[0]["function"]["name"], "arguments": arguments}}],
    }


def answered(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The conversation with the tool's result."""
    return [USER, said, {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "sunny"}]


async def messages_turn(running: House, name: str = "m", *, stream: bool) -> list[dict[str, Any]]:
    """Ask over Messages. Return the content blocks that the client would send back."""
    thinking = {"type": "enabled", "budget_tokens": 1024}
    body = {"model": name, "max_tokens": 9999, "messages": [USER], "tools": [MESSAGES_TOOL], "thinking": thinking}
    heard = await running.ask("/v1/messages", {**body, "stream": stream})
    assert heard.status == 200, heard.body
    if not stream:
        return list(heard.json["content"])
    blocks: list[dict[str, Any]] = []
    grown = {"thinking_delta": "thinking", "signature_delta": "signature", "text_delta": "text"}
    arguments = ""
    for frame in heard.frames:
        if frame["type"] == "content_block_start":
            arguments = ""
            blocks.append(dict(frame["content_block"]))
        elif frame["type"] == "content_block_stop" and arguments:
            blocks[-1]["input"] = jsons.read(arguments)
        elif frame["type"] == "content_block_delta":
            delta = frame["delta"]
            if delta["type"] == "input_json_delta":
                arguments += delta["partial_json"]
                continue
            name_ = grown[delta["type"]]
            blocks[-1][name_] = blocks[-1].get(name_, "") + delta[name_]
    return blocks


async def messages_go_on(running: House, blocks: list[dict[str, Any]], name: str = "m") -> None:
    call = next(block_["id"] for block_ in blocks if block_["type"] == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call, "content": "sunny"}
    turns = [USER, {"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
    body = {"model": name, "max_tokens": 9999, "messages": turns, "tools": [MESSAGES_TOOL]}
    heard = await running.ask("/v1/messages", body)
    assert heard.status == 200, heard.body


async def responses_turn(running: House, name: str = "m", *, stream: bool) -> list[dict[str, Any]]:
    body = {"model": name, "input": [USER], "tools": [RESPONSES_TOOL], "stream": stream, "store": False}
    heard = await running.ask("/v1/responses", {**body, "include": ["reasoning.encrypted_content"]})
    assert heard.status == 200, heard.body
    said = heard.json if not stream else heard.frames[-1]["response"]
    return list(said["output"])


async def responses_go_on(running: House, items: list[dict[str, Any]], name: str = "m") -> None:
    call = next(item["call_id"] for item in items if item["type"] == "function_call")
    result = {"type": "function_call_output", "call_id": call, "output": "sunny"}
    body = {"model": name, "input": [USER, *items, result], "tools": [RESPONSES_TOOL], "store": False}
    heard = await running.ask("/v1/responses", body)
    assert heard.status == 200, heard.body


@streamed
@pytest.mark.parametrize("spelled", ['{"city":"Rome"}', '{ "city" : "Rome" }'], ids=["same", "respelled"])
@pytest.mark.parametrize("content", ["as it was", None, ""], ids=["text", "null", "no text"])
def test_the_thinking_that_a_chat_client_dropped_is_put_back(stream: bool, spelled: str, content: str | None) -> None:
    """By the id of the call alone, if need be: the blocks stand first, as they were."""

    async def main() -> None:
        async with playback(thinker()) as backend, house([at(backend, "anthropic")]) as running:
            said = await chat_turn(running, stream=stream)
            said["tool_calls"][0]["function"]["arguments"] = spelled
            if content != "as it was":
                said["content"] = content
            await chat_turn(running, stream=False, messages=answered(said))
            blocks = assistant_of(backend)
            assert blocks[:2] == BLOCKS[:2]
            assert blocks[-1] == BLOCKS[-1]
            assert [each["type"] for each in blocks[2:]] == (["text"] if content == "as it was" else []) + ["tool_use"]

    run(main)


def test_it_is_put_back_after_a_restart(tmp_path: Any) -> None:
    async def main() -> None:
        async with playback(thinker()) as backend:
            async with house([at(backend, "anthropic")], data_dir=str(tmp_path)) as running:
                said = await chat_turn(running, stream=True)
            async with house([at(backend, "anthropic")], data_dir=str(tmp_path)) as running:
                await chat_turn(running, stream=False, messages=answered(said))
                assert assistant_of(backend)[:2] == BLOCKS[:2]

    run(main)


def test_it_is_not_put_back_for_another_key() -> None:
    keys = [{"key": "sk-client-0123456789abcdef"}, {"key": "sk-other-0123456789abcdef"}]

    async def main() -> None:
        async with playback(thinker()) as backend, house([at(backend, "anthropic")], keys=keys) as running:
            mine, other = ({"authorization": f"Bearer {key['key']}"} for key in keys)
            body = {"model": "m", "messages": [USER], "tools": [CHAT_TOOL]}
            said = (await running.ask("/v1/chat/completions", body, headers=mine)).json["choices"][0]["message"]
            again = {**body, "messages": answered({"role": "assistant", "tool_calls": said["tool_calls"]})}
            await running.ask("/v1/chat/completions", again, headers=other)
            assert [each["type"] for each in assistant_of(backend)] == ["tool_use"]
            await running.ask("/v1/chat/completions", again, headers=mine)
            assert [each["type"] for each in assistant_of(backend)] == ["thinking", "redacted_thinking", "tool_use"]

    run(main)


@streamed
def test_blocks_go_through_a_responses_client(stream: bool) -> None:
    async def main() -> None:
        async with playback(thinker()) as backend, house([at(backend, "anthropic")]) as running:
            items = await responses_turn(running, stream=stream)
            assert SIGNATURE not in jsons.write_text(items)
            assert REDACTED not in jsons.write_text(items)
            await responses_go_on(running, items)
            assert assistant_of(backend) == BLOCKS

    run(main)


@streamed
def test_encrypted_reasoning_goes_through_a_messages_client(stream: bool) -> None:
    async def main() -> None:
        async with playback(reasoner()) as backend, house([at(backend, "responses")]) as running:
            blocks = await messages_turn(running, stream=stream)
            assert [each["type"] for each in blocks] == ["thinking", "tool_use"]
            assert blocks[0]["thinking"] == THOUGHT
            assert blocks[0]["signature"].startswith(PREFIX)
            await messages_go_on(running, blocks)
            items = sent(backend)["input"]
            assert items[1] == ITEMS[0]
            assert [item["type"] for item in items[2:]] == ["function_call", "function_call_output"]
            assert items[2]["arguments"] == ITEMS[1]["arguments"]

    run(main)


@streamed
def test_encrypted_reasoning_is_put_back_for_a_chat_client(stream: bool) -> None:
    async def main() -> None:
        async with playback(reasoner()) as backend, house([at(backend, "responses")]) as running:
            said = await chat_turn(running, stream=stream)
            await chat_turn(running, stream=False, messages=answered(said))
            assert sent(backend)["input"][1] == ITEMS[0]

    run(main)


def gemini_at(backend: Backend) -> dict[str, Any]:
    return model("m", origin(backend), profile={"family": "gemini"})


@streamed
def test_the_proof_of_a_call_goes_through_a_messages_client(stream: bool) -> None:
    async def main() -> None:
        async with playback(gemini()) as backend, house([gemini_at(backend)]) as running:
            blocks = await messages_turn(running, stream=stream)
            assert [block_["type"] for block_ in blocks] == ["thinking", "tool_use", "tool_use"]
            await messages_go_on(running, blocks)
            assert sent(backend)["messages"][1]["tool_calls"] == SIGNED

    run(main)


@streamed
def test_the_proof_of_a_call_goes_through_a_responses_client(stream: bool) -> None:
    async def main() -> None:
        async with playback(gemini()) as backend, house([gemini_at(backend)]) as running:
            items = await responses_turn(running, stream=stream)
            assert [item["type"] for item in items] == ["reasoning", "function_call", "function_call"]
            await responses_go_on(running, items)
            assert sent(backend)["messages"][1]["tool_calls"] == SIGNED
            assert "reasoning_details" not in sent(backend)["messages"][1]

    run(main)


@streamed
def test_the_proof_of_a_call_stays_with_it_for_a_chat_client(stream: bool) -> None:
    """Whose answer is translated here, since what it brings back is in an envelope of the proxy's."""

    async def main() -> None:
        async with playback(gemini()) as backend, house([gemini_at(backend)]) as running:
            envelope = {"type": "reasoning.encrypted", "data": f"{PREFIX}x.y"}
            past = {"role": "assistant", "content": "Hm.", "reasoning_details": [envelope]}
            body = {"model": "m", "messages": [USER, past, USER], "tools": [CHAT_TOOL], "stream": stream}
            heard = await running.ask("/v1/chat/completions", body)
            if stream:
                deltas = [choice["delta"] for frame in heard.frames for choice in frame["choices"]]
            else:
                deltas = [heard.json["choices"][0]["message"]]
            calls = [call for delta in deltas for call in delta.get("tool_calls") or [] if call.get("id")]
            assert [(call["id"], call.get("extra_content")) for call in calls] == [
                (call["id"], call.get("extra_content")) for call in SIGNED
            ]
            assert not any("reasoning_details" in delta for delta in deltas)

    run(main)


def tampered(envelope: str) -> str:
    return envelope[:-4] + ("AAAA" if not envelope.endswith("AAAA") else "BBBB")


def test_what_was_tampered_with_is_left_out() -> None:
    async def main() -> None:
        async with playback(reasoner()) as backend, house([at(backend, "responses")]) as running:
            blocks = await messages_turn(running, stream=False)
            blocks[0]["signature"] = tampered(blocks[0]["signature"])
            await messages_go_on(running, blocks)
            assert PREFIX.encode() not in backend.asked[-1].body
            assert "encrypted_content" not in jsons.write_text(sent(backend)["input"])

        async with playback(thinker()) as backend, house([at(backend, "anthropic")]) as running:
            items = await responses_turn(running, stream=False)
            for item in items:
                if item["type"] == "reasoning":
                    item["encrypted_content"] = tampered(item["encrypted_content"])
            await responses_go_on(running, items)
            assert PREFIX.encode() not in backend.asked[-1].body
            # Anthropic takes no thinking without its signature.
            assert [each["type"] for each in assistant_of(backend)] == ["text", "tool_use"]

    run(main)


def test_the_envelope_of_another_proxy_is_left_out() -> None:
    async def main() -> None:
        async with playback(thinker()) as backend:
            async with house([at(backend, "anthropic")]) as running:
                items = await responses_turn(running, stream=False)
            async with house([at(backend, "anthropic")]) as running:
                await responses_go_on(running, items)
                assert [each["type"] for each in assistant_of(backend)] == ["text", "tool_use"]

    run(main)


def test_a_session_that_changes_to_another_backend_takes_no_proof_along() -> None:
    """Neither the envelope nor what is in it; back at the first backend, it is good again."""

    async def main() -> None:
        async with (
            playback(thinker()) as first,
            playback(reasoner()) as second,
            house([at(first, "anthropic"), at(second, "responses", "n")]) as running,
        ):
            items = await responses_turn(running, stream=True)
            await responses_go_on(running, items, "n")
            body = second.asked[-1].body
            assert PREFIX.encode() not in body
            assert SIGNATURE.encode() not in body
            assert "encrypted_content" not in jsons.write_text(sent(second)["input"])
            await responses_go_on(running, items)
            assert assistant_of(first) == BLOCKS

            blocks = await messages_turn(running, "n", stream=True)
            await messages_go_on(running, blocks)
            assert PREFIX.encode() not in first.asked[-1].body
            assert [each["type"] for each in assistant_of(first)] == ["tool_use"]

            said = await chat_turn(running, stream=True)
            await chat_turn(running, "n", stream=False, messages=answered(said))
            assert PREFIX.encode() not in second.asked[-1].body
            assert SIGNATURE.encode() not in second.asked[-1].body

    run(main)


@streamed
def test_a_session_that_began_at_a_chat_backend_goes_on_at_one_that_wants_signatures(stream: bool) -> None:
    """Nobody has signed what a chat backend thinks, and Anthropic says so with a 400."""
    refusal = {
        "type": "invalid_request_error",
        "message": "messages.1.content.0: Invalid `signature` in `thinking` block",
    }
    answers = thinker()

    async def answer(peer: Peer, asked: Asked) -> None:
        unsigned = [
            part
            for turn in jsons.read(asked.body)["messages"]
            for part in turn["content"]
            if isinstance(part, dict) and part["type"] == "thinking" and not part["signature"]
        ]
        await (peer.say(whole({"type": "error", "error": refusal}, 400)) if unsigned else answers(peer, asked))

    async def main() -> None:
        async with playback(answer) as backend, house([at(backend, "anthropic")]) as running:
            said = [{"type": "thinking", "thinking": "Hm.", "signature": ""}, {"type": "text", "text": "Hello."}]
            turns = [USER, {"role": "assistant", "content": said}, USER]
            body = {"model": "m", "max_tokens": 9999, "messages": turns, "stream": stream}
            heard = await running.ask("/v1/messages", body)
            assert heard.status == 200, heard.body
            assert sent(backend)["messages"][1]["content"] == said[1:]
            assert len(backend.asked) == 2

            # What the backend does not take is known from now on: a later turn is not refused first.
            heard = await running.ask("/v1/messages", {**body, "messages": [*turns, *turns[1:]]})
            assert heard.status == 200, heard.body
            assert len(backend.asked) == 3
            # And what is signed is relayed as ever.
            signed = [USER, {"role": "assistant", "content": BLOCKS[:1]}, USER]
            assert (await running.ask("/v1/messages", {**body, "messages": signed})).status == 200
            assert backend.asked[-1].body.count(b"signature") == 1

    run(main)


@streamed
def test_a_relay_that_wants_signatures_is_asked_without_the_unsigned(stream: bool) -> None:
    """Nothing is known of it, but that it speaks Messages: that it checks them is learnt."""
    refusal = {"type": "invalid_request_error", "message": "messages.1.content.0.thinking.signature: Field required"}
    answers = thinker()

    async def answer(peer: Peer, asked: Asked) -> None:
        unsigned = b'"signature":""' in asked.body
        await (peer.say(whole({"type": "error", "error": refusal}, 400)) if unsigned else answers(peer, asked))

    async def main() -> None:
        more = {"profile": {"family": "anthropic-like"}}
        async with playback(answer) as backend, house([{**at(backend, "anthropic"), **more}]) as running:
            said = [{"type": "thinking", "thinking": "Hm.", "signature": ""}, {"type": "text", "text": "Hello."}]
            turns = [USER, {"role": "assistant", "content": said}, USER]
            body = {"model": "m", "max_tokens": 9999, "messages": turns, "stream": stream}
            for asked in (3, 4):
                heard = await running.ask("/v1/messages", body)
                assert (heard.status, len(backend.asked)) == (200, asked), heard.body

    run(main)


@streamed
def test_a_session_that_began_at_another_vendor_goes_on_at_one_that_checks_signatures(stream: bool) -> None:
    """GLM and Kimi sign what they think as well, and Anthropic refuses their signatures."""
    refusal = {
        "type": "invalid_request_error",
        "message": "messages.1.content.0: Invalid `signature` in `thinking` block",
    }
    answers = thinker()

    async def answer(peer: Peer, asked: Asked) -> None:
        foreign = b'"foreign"' in asked.body
        await (peer.say(whole({"type": "error", "error": refusal}, 400)) if foreign else answers(peer, asked))

    async def main() -> None:
        async with playback(answer) as backend, house([at(backend, "anthropic")]) as running:
            theirs = {"type": "thinking", "thinking": "Hm.", "signature": "foreign"}
            turns = [USER, {"role": "assistant", "content": [theirs, {"type": "text", "text": "Hello."}]}, USER]
            body = {"model": "m", "max_tokens": 9999, "messages": turns, "stream": stream}
            for asked in (2, 3):  # the later turn is not refused first
                heard = await running.ask("/v1/messages", body)
                assert (heard.status, len(backend.asked)) == (200, asked), heard.body
                assert sent(backend)["messages"][1]["content"] == [{"type": "text", "text": "Hello."}]

            # What it has signed itself since then goes back to it.
            more = [*turns, {"role": "assistant", "content": [*BLOCKS[:1], {"type": "text", "text": "Well."}]}, USER]
            heard = await running.ask("/v1/messages", {**body, "messages": more})
            assert (heard.status, len(backend.asked)) == (200, 4), heard.body
            assert sent(backend)["messages"][3]["content"][0] == BLOCKS[0]

    run(main)


def test_a_refusal_for_a_signature_that_nothing_helps_is_told() -> None:
    async def main() -> None:
        refusal = whole(
            {"error": {"type": "invalid_request_error", "message": "Invalid `signature` in `thinking`"}}, 400
        )
        async with playback(replies(refusal)) as backend, house([at(backend, "anthropic")]) as running:
            turns = [USER, {"role": "assistant", "content": [*BLOCKS[:1], BLOCKS[2]]}, USER]
            heard = await running.ask("/v1/messages", {"model": "m", "max_tokens": 9, "messages": turns})
            assert heard.status == 400
            assert "signature" in heard.error["message"]
            assert len(backend.asked) <= 3
            heard = await running.ask("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [USER]})
            assert heard.status == 400

    run(main)


OTHERS: Final[dict[str, dict[str, Any]]] = {
    "openai": {
        "error": {
            "message": "The encrypted content gAAA...Q== could not be verified. Reason: Encrypted content could not be"
            " decrypted or parsed.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_encrypted_content",
        }
    },
    "another organisation": {
        "error": {
            "message": "The encrypted content for item rs_theirs could not be verified. Reason: Encrypted content"
            " organization_id did not match the target organization.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_encrypted_content",
        }
    },
    "litellm": {
        "error": {
            "message": 'litellm.BadRequestError: OpenAIException - {\n  "error": {\n    "message": "The encrypted content'
            ' gAAA...Q== could not be verified.",\n    "code": "invalid_encrypted_content"\n  }\n}',
            "type": None,
            "param": None,
            "code": "400",
        }
    },
    "xai": {
        "code": "invalid-argument",
        "error": "Could not decrypt the provided encrypted_content. Ensure the value is the unmodified"
        " encrypted_content from a previous response.",
    },
}


def another_account(refusal: dict[str, Any] = OTHERS["openai"]) -> Answer:
    """OpenAI for someone else: it does not take what the account of `reasoner` has sealed."""
    answers = reasoner()

    async def answer(peer: Peer, asked: Asked) -> None:
        foreign = ITEMS[0]["encrypted_content"].encode() in asked.body
        await (peer.say(whole(refusal, 400)) if foreign else answers(peer, asked))

    return answer


@streamed
@pytest.mark.parametrize("words", OTHERS)
def test_a_session_that_began_at_another_account_goes_on(words: str, stream: bool) -> None:
    async def main() -> None:
        async with (
            playback(another_account(OTHERS[words])) as backend,
            house([at(backend, "responses")]) as running,
        ):
            result = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
            kept = {"type": "reasoning", "id": "rs_own", "summary": [], "encrypted_content": "gAAAAABown=="}
            said = [USER, *ITEMS, result]
            body = {"model": "m", "input": said, "stream": stream, "store": False}
            for asked in (2, 3):  # the later turn is not refused first
                heard = await running.ask("/v1/responses", body)
                assert (heard.status, len(backend.asked)) == (200, asked), heard.body
                kinds = [item.get("type") for item in sent(backend)["input"]]
                assert kinds == ["message", "function_call", "function_call_output"]

            # What it has sealed itself since then goes back to it, and who brings nothing else is relayed as ever.
            heard = await running.ask("/v1/responses", {**body, "input": [*said, kept, USER]})
            assert (heard.status, len(backend.asked)) == (200, 4), heard.body
            assert kept in sent(backend)["input"]
            heard = await running.ask("/v1/responses", {**body, "input": [USER, kept, USER]})
            assert (heard.status, len(backend.asked)) == (200, 5), heard.body
            assert sent(backend) == {**body, "model": sent(backend)["model"], "input": [USER, kept, USER]}

    run(main)


@streamed
def test_a_session_of_another_dialect_goes_on_at_another_account(stream: bool) -> None:
    async def main() -> None:
        async with (
            playback(reasoner()) as first,
            playback(another_account()) as second,
            house([at(first, "responses", "n"), at(second, "responses")]) as running,
        ):
            blocks = await messages_turn(running, "n", stream=stream)
            for asked in (2, 3):
                await messages_go_on(running, blocks)
                assert len(second.asked) == asked
                assert [item.get("type") for item in sent(second)["input"]][1:] == [
                    "function_call",
                    "function_call_output",
                ]
            said = await chat_turn(running, "n", stream=stream)
            await chat_turn(running, stream=stream, messages=answered(said))
            assert len(second.asked) == 4
            # Where it was sealed it is welcome.
            await messages_go_on(running, blocks, "n")
            assert ITEMS[0]["encrypted_content"].encode() in first.asked[-1].body

    run(main)


@streamed
def test_what_one_account_refuses_is_still_welcome_at_the_other_of_the_same_url(stream: bool) -> None:
    """The account that a session was at is used up for a while, and the other stands in."""
    used_up: list[bool] = []

    async def answer(peer: Peer, asked: Asked) -> None:
        own = asked.headers["authorization"] == "Bearer sk-own"
        if own and used_up:
            await peer.say(whole({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, 429))
        else:
            await (reasoner() if own else another_account())(peer, asked)

    async def main() -> None:
        async with playback(answer) as backend:
            url = f"{origin(backend)}/v1"
            backends = [{"url": url, "api_key": key} for key in ("sk-own", "sk-other")]
            async with house([{"name": "m", "type": "responses", "backends": backends}]) as running:
                result = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
                body = {"model": "m", "input": [USER, *ITEMS, result], "stream": stream, "store": False}
                used_up.append(True)
                heard = await running.ask("/v1/responses", body)
                assert heard.status == 200, heard.body
                assert backend.asked[-1].headers["authorization"] == "Bearer sk-other"
                assert ITEMS[0] not in sent(backend)["input"]
                used_up.clear()
                number = 0
                while backend.asked[-1].headers["authorization"] != "Bearer sk-own":
                    number += 1
                    assert (await running.ask("/v1/responses", {**body, "prompt_cache_key": f"{number}"})).status == 200
                assert ITEMS[0] in sent(backend)["input"]

    run(main)


def test_a_summary_is_written_for_who_changed_the_account() -> None:
    async def main() -> None:
        async with playback(another_account()) as backend, house([at(backend, "responses")]) as running:
            result = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
            asked: dict[str, Any] = {"model": "m", "input": [USER, *ITEMS, result]}
            heard = await running.ask("/v1/responses/compact", asked)
            assert heard.status == 502, "the model of this test says nothing but a call"
            assert "summary" in heard.error["message"]
            assert [peer.line.split()[1] for peer in backend.asked] == ["/v1/responses/compact", "/v1/responses"]

    run(main)


def test_a_refusal_for_a_seal_that_nothing_helps_is_told() -> None:
    """Of compaction, which is the conversation itself; and where the rest of the conversation is at the backend."""
    compaction = {"type": "compaction", "id": "cmp_theirs", "encrypted_content": "gAAAAABcompaction=="}

    async def main() -> None:
        async with (
            playback(replies(whole(OTHERS["openai"], 400))) as backend,
            house([at(backend, "responses")]) as running,
        ):
            bodies: list[dict[str, Any]] = [
                {"model": "m", "input": [compaction, ITEMS[0], USER], "store": False},
                {"model": "m", "input": [ITEMS[0], USER], "previous_response_id": "resp_theirs"},
            ]
            for body in bodies:
                heard = await running.ask("/v1/responses", body)
                assert heard.status == 400
                assert heard.error["code"] == "invalid_encrypted_content"
            assert len(backend.asked) <= 4
            assert "previous_response_id" in sent(backend)

    run(main)


@pytest.mark.parametrize(
    ("members", "items"),
    [
        ({}, "[]"),
        ({"input": b"null"}, "[]"),
        ({"input": b" [ 1 ] "}, "[ 1 ]"),
        ({"input": b'"hi"'}, '[{"type":"message","role":"user","content":"hi"}]'),
    ],
)
def test_the_input_is_items_however_it_was_said(members: dict[str, bytes], items: str) -> None:
    assert own_items({name: Raw(value) for name, value in members.items()}) == items.encode()


# What a Chat backend wants back of a Chat client, which has dropped it.

OF_GOOGLE: Final = {"google": {"thought_signature": "sig+/="}}
CALLING: Final = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":"a"}'}}
WANTED: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]] = {
    "a proof with the call": (
        {"family": "gemini"},
        {"tool_calls": [{**CALLING, "extra_content": OF_GOOGLE}]},
        {"content": "", "tool_calls": [{**CALLING, "extra_content": OF_GOOGLE}]},
    ),
    "reasoning without a proof": (
        {"family": "deepseek", "relays": False},
        {"reasoning_content": "Hm.", "tool_calls": [CALLING]},
        {"content": "", "reasoning_content": "Hm.", "tool_calls": [CALLING]},
    ),
    "details": (
        {"family": "openrouter", "relays": False},
        {"reasoning": "Hm.", "reasoning_details": [{"type": "x", "data": "ENC"}], "tool_calls": [CALLING]},
        {
            "content": "",
            "reasoning": "Hm.",
            "reasoning_details": [{"type": "x", "data": "ENC"}],
            "tool_calls": [CALLING],
        },
    ),
}


def chat_says(message: dict[str, Any]) -> Answer:
    """Whole or as one chunk, as the client has asked."""

    async def answer(peer: Peer, asked: Asked) -> None:
        body: dict[str, Any] = {
            "id": "x",
            "created": 1,
            "model": "b",
            "choices": [{"index": 0, "finish_reason": "tool_calls"}],
        }
        if not jsons.read(asked.body).get("stream"):
            body["choices"][0]["message"] = {"role": "assistant", "content": None, **message}
            await peer.say(whole(body))
            return
        calls = [{"index": 0, **call} for call in message["tool_calls"]]
        body["choices"][0]["delta"] = {**message, "tool_calls": calls}
        await peer.say(STREAM, *map(http_chunk, (b"data: " + jsons.write(body) + b"\n\n", b"data: [DONE]\n\n")), END)

    return answer


@streamed
@pytest.mark.parametrize("kind", WANTED)
def test_what_a_chat_client_drops_goes_back_to_its_chat_backend(kind: str, stream: bool) -> None:
    profile, said, wanted = WANTED[kind]

    async def main() -> None:
        async with playback(chat_says(said)) as backend:
            models = [
                model("m", f"{origin(backend)}/v1", profile=profile),
                model("n", f"{origin(backend)}/v1", profile={"family": "moonshot", "relays": False}),
            ]
            async with house(models) as running:
                body = {"model": "m", "messages": [USER], "stream": stream}
                assert (await running.ask("/v1/chat/completions", body)).status == 200
                dropped = {"role": "assistant", "content": None, "tool_calls": [CALLING]}
                result = {"role": "tool", "tool_call_id": "c1", "content": "a"}
                more = {**body, "messages": [USER, dropped, result]}
                assert (await running.ask("/v1/chat/completions", more)).status == 200
                assert sent(backend)["messages"][1] == {"role": "assistant", **wanted}

                # Another maker gets no proof of this one's.
                assert (await running.ask("/v1/chat/completions", {**more, "model": "n"})).status == 200
                told = jsons.write_text(sent(backend)["messages"][1])
                assert not any(proof in told for proof in ("extra_content", "reasoning_details", PREFIX))

    run(main)
