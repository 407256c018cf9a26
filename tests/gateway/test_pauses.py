"""A Messages backend that pauses is asked to go on, for clients that know no pause."""

from typing import Any, Final

import pytest

from dragoman.wire import jsons, sse
from tests.gateway.stage import (
    Answer,
    Heard,
    chat_body,
    house,
    messages_body,
    model,
    origin,
    playback,
    responses_body,
    run,
    streams,
    whole,
)
from tests.net.scripted import Asked, Peer

Object = dict[str, Any]
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

THOUGHT: Final[Object] = {"type": "thinking", "thinking": "Search.", "signature": "sig-1"}
CALL: Final[Object] = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "ducks"}}
FOUND: Final[Object] = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://a.example", "title": "A", "encrypted_content": "x"}],
}
FIRST: Final = [THOUGHT, CALL, FOUND, {"type": "text", "text": "Ducks"}]
LAST: Final = [{"type": "text", "text": " swim."}]


def answers(blocks: list[Object], reason: str, *, tokens: int, stream: bool) -> Answer:
    usage = {"input_tokens": tokens, "output_tokens": tokens}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
    if not stream:
        message = {**head, "content": blocks, "stop_reason": reason, "usage": usage}

        async def tell(peer: Peer, asked: Asked) -> None:
            await peer.say(whole(message))

        return tell
    said = [event("message_start", message={**head, "content": [], "stop_reason": None, "usage": usage})]
    for index, block in enumerate(blocks):
        said.append(event("content_block_start", index=index, content_block={**block, **opening(block)}))
        said += [event("content_block_delta", index=index, delta=delta) for delta in deltas(block)]
        said.append(event("content_block_stop", index=index))
    said.append(event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage))
    return streams(*said, event("message_stop"))


def event(kind: str, **fields: Any) -> bytes:
    return sse.write(kind, jsons.write({"type": kind, **fields}))


def opening(block: Object) -> Object:
    """What a block says less as it opens."""
    empty: dict[str, Object] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "server_tool_use": {"input": {}},
    }
    return empty.get(block["type"], {})


def deltas(block: Object) -> list[Object]:
    match block["type"]:
        case "text":
            return [{"type": "text_delta", "text": block["text"]}]
        case "thinking":
            thinking = {"type": "thinking_delta", "thinking": block["thinking"]}
            return [thinking, {"type": "signature_delta", "signature": block["signature"]}]
        case "server_tool_use":
            return [{"type": "input_json_delta", "partial_json": jsons.write_text(block["input"])}]
    return []


def plays(*rounds: Answer) -> Answer:
    """Answer each request with the next of these, and with the last from then on."""
    left = list(rounds)

    async def answer(peer: Peer, asked: Asked) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(peer, asked)

    return answer


async def heard_from(path: str, body: Object, *rounds: Answer) -> tuple[Heard, list[list[Object]]]:
    """What the client hears, and the messages of each request that the backend is asked."""
    async with (
        playback(plays(*rounds)) as backend,
        house([model("m", origin(backend), type="anthropic")]) as served,
    ):
        heard = await served.ask(path, body)
        return heard, [jsons.read(asked.body)["messages"] for asked in backend.asked]


def pausing(*, stream: bool) -> Answer:
    return answers(FIRST, "pause_turn", tokens=10, stream=stream)


@streamed
def test_pause_turn_autoresume(stream: bool) -> None:
    async def case() -> None:
        last = answers(LAST, "end_turn", tokens=20, stream=stream)
        body = chat_body(stream=stream, stream_options={"include_usage": True})
        heard, asked = await heard_from("/v1/chat/completions", body, pausing(stream=stream), last)
        assert asked[1] == [*asked[0], {"role": "assistant", "content": FIRST}]
        if stream:
            choices = [choice for frame in heard.frames for choice in frame["choices"]]
            assert "".join(choice["delta"].get("content") or "" for choice in choices) == "Ducks swim."
            assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
        else:
            (choice,) = heard.json["choices"]
            assert choice["message"]["content"] == "Ducks swim."
            assert choice["finish_reason"] == "stop"
        usage = heard.frames[-1]["usage"] if stream else heard.json["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (30, 30)

    run(case)


@streamed
def test_pieces_of_a_twice_paused_answer_are_one_turn(stream: bool) -> None:
    async def case() -> None:
        second = answers([{"type": "text", "text": " and dive, and"}], "pause_turn", tokens=1, stream=stream)
        last = answers(LAST, "end_turn", tokens=1, stream=stream)
        heard, asked = await heard_from(
            "/v1/responses", responses_body(stream=stream), pausing(stream=stream), second, last
        )
        (turn,) = asked[2][len(asked[0]) :]
        assert turn["content"] == [*FIRST, {"type": "text", "text": " and dive, and"}]
        response = heard.frames[-1]["response"] if stream else heard.json
        assert response["status"] == "completed"
        texts = [part["text"] for item in response["output"] for part in item.get("content") or () if "text" in part]
        assert "".join(texts) == "Ducks and dive, and swim."
        indices = [frame["output_index"] for frame in heard.frames if frame["type"] == "response.output_item.added"]
        assert indices == sorted(set(indices))

    run(case)


@streamed
def test_an_answer_that_pauses_for_ever_ends(stream: bool) -> None:
    async def case() -> None:
        heard, asked = await heard_from(
            "/v1/chat/completions", chat_body(stream=stream), answers(LAST, "pause_turn", tokens=1, stream=stream)
        )
        assert len(asked) == 6
        assert heard.status == 200

    run(case)


def test_a_messages_client_is_told_of_the_pause() -> None:
    async def case() -> None:
        heard, asked = await heard_from("/v1/messages", messages_body(), pausing(stream=False))
        assert len(asked) == 1
        assert heard.json["stop_reason"] == "pause_turn"

    run(case)


def test_a_failure_after_a_pause_is_a_failure_of_the_answer() -> None:
    async def case() -> None:
        async def fails(peer: Peer, asked: Asked) -> None:
            await peer.say(whole({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, 529))

        heard, _ = await heard_from("/v1/chat/completions", chat_body(stream=True), pausing(stream=True), fails)
        assert heard.frames[-1]["error"]["message"].endswith("busy")
        assert b"[DONE]" not in heard.body

    run(case)
