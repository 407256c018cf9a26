"""What backends say, in short: frames of both dialects' streams, and whole answers."""

from typing import Any, Final

from dragoman.wire import jsons

DONE: Final = b"data: [DONE]\n\n"
_HEAD: Final = {"id": "chatcmpl-x", "object": "chat.completion.chunk", "created": 1, "model": "alias-of-it"}


def frame(value: Any) -> bytes:
    return b"data: " + jsons.write(value) + b"\n\n"


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> bytes:
    """One chat chunk. more: members of the choice (index, stop_reason, ...)."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish, **more}
    return frame({**_HEAD, "choices": [choice]})


def text(*pieces: str) -> bytes:
    return b"".join(chunk({"content": piece}) for piece in pieces)


def call(*, index: Any = 0, id: str | None = None, name: str | None = None, arguments: str | None = None) -> bytes:  # noqa: A002
    """A chat chunk with one delta of one call; None = the member is not there."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    entry = {"type": "function", "function": function}
    entry |= {key: value for key, value in (("index", index), ("id", id)) if value is not None}
    return chunk({"tool_calls": [entry]})


def usage(choices: Any = (), **said: Any) -> bytes:
    return frame({**_HEAD, "choices": choices if choices is None else list(choices), "usage": said})


def completion(message: dict[str, Any], finish: str | None = "stop", said: Any = None, **more: Any) -> bytes:
    """A whole chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, **more}
    return jsons.write({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": said})


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + jsons.write({"type": kind, **fields}) + b"\n\n"


def start(**said: Any) -> bytes:
    message: dict[str, Any] = {
        "id": "msg_x",
        "type": "message",
        "role": "assistant",
        "model": "alias-of-it",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0, **said},
    }
    return event("message_start", message=message)


def block(index: int, opened: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """A content block from its start to its stop."""
    said = [event("content_block_start", index=index, content_block=opened)]
    said += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
    return b"".join([*said, event("content_block_stop", index=index)])


def text_block(index: int, *pieces: str) -> bytes:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": p} for p in pieces))


def tool_block(index: int, id: str, name: str, *pieces: str) -> bytes:  # noqa: A002
    opened = {"type": "tool_use", "id": id, "name": name, "input": {}}
    return block(index, opened, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def thinking_block(index: int, thought: str, signature: str) -> bytes:
    opened = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = ({"type": "thinking_delta", "thinking": thought}, {"type": "signature_delta", "signature": signature})
    return block(index, opened, *deltas)


def stop(reason: str = "end_turn", output: int = 2, *, sequence: str | None = None, **more: Any) -> bytes:
    """message_delta and message_stop. more: members of the delta, as stop_details."""
    delta = {"stop_reason": reason, "stop_sequence": sequence, **more}
    return event("message_delta", delta=delta, usage={"output_tokens": output}) + event("message_stop")


def message(content: list[dict[str, Any]], reason: str = "end_turn", said: Any = None, **more: Any) -> bytes:
    """A whole message."""
    counted = {"input_tokens": 10, "output_tokens": 2} if said is None else said
    head = {"id": "msg_x", "type": "message", "role": "assistant", "model": "alias-of-it"}
    return jsons.write(
        {**head, "content": content, "stop_reason": reason, "stop_sequence": None, "usage": counted, **more}
    )
