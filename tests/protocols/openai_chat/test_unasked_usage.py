"""What is asked for in a client's place, and what it does not hear of it."""

from typing import Any

import pytest

from dragoman.hub.route import Profile
from dragoman.protocols.openai_chat.unasked_usage import asking, kept_back
from dragoman.wire import jsons

WORDS = b'data: {"choices":[{"delta":{"content":"{\\"choices\\":[],\\"usage\\":1}"}}]}\n\n'
ENDED = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n'
COUNTED = b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'
FILTERED = b'data: {"choices":[],"prompt_filter_results":[]}\n\n'
DONE = b"data: [DONE]\n\n"


def asked(profile: Profile | None = None, **members: Any) -> dict[str, Any]:
    return asking(jsons.members(jsons.write(members)), profile or Profile())


def test_only_streams_that_do_not_tell_it_are_asked() -> None:
    assert asked() == asked(stream=False) == {}
    assert asked(stream=True, stream_options={"include_usage": True}) == {}
    assert asked(Profile(stream_usage=False), stream=True) == {}
    assert asked(stream=True, stream_options="rubbish") == {}  # the backend says what it thinks of that
    wanted = {"stream_options": {"include_usage": True}}
    assert asked(stream=True) == asked(stream=True, stream_options=None) == wanted
    assert asked(stream=True, stream_options={"a": 1}) == {"stream_options": {"a": 1, "include_usage": True}}


@pytest.mark.parametrize(
    "data", [WORDS, ENDED, FILTERED, DONE, b": a comment\n\n", WORDS + ENDED + DONE, b"data: {\n\n"]
)
def test_whatever_tells_something_else_passes(data: bytes) -> None:
    assert kept_back(data) is data


def test_what_only_counts_is_kept_back() -> None:
    assert kept_back(COUNTED) == b""
    assert kept_back(WORDS + COUNTED + DONE) == WORDS + DONE
    assert kept_back(COUNTED.replace(b"[]", b"[ ]").replace(b"\n", b"\r\n") + DONE) == DONE
