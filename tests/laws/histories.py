"""Histories made by hypothesis, in the hub's words: what clients and their proxies have made of a conversation."""

from typing import Final

from hypothesis import strategies as st

from dragoman.hub.request import (
    Cache,
    Dialect,
    Document,
    FunctionTool,
    Image,
    Inline,
    Link,
    Opaque,
    Part,
    Refusal,
    Request,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Written,
)
from tests.laws.making import arguments, names, texts

# Few ids, so that they repeat; of every form that clients have.
_ids: Final = st.sampled_from(["a", "b", "call_1", "functions.Bash:0", "x" * 80, "é"])
_names: Final = names | st.sampled_from(["mcp__server__" + "x" * 60, "a.b/c", "日本"])
_caches: Final = st.none() | st.sampled_from([Cache(), Cache("5m"), Cache("1h")])
_any_text: Final = texts | st.sampled_from(["", " ", "\n\n"])
_text: Final = st.builds(Text, _any_text, _caches)
_image: Final = st.builds(Image, st.sampled_from([Inline("image/png", "aGk="), Link("https://a.example/b.png")]))
_document: Final = st.builds(
    Document,
    st.sampled_from([Inline("application/pdf", "JVBERi0="), Inline("text/plain", "aGk="), Written("hi")]),
    st.none() | texts,
)
_gist: Final = st.builds(lambda gist: Opaque("openai-responses", "x", {}, gist), st.sampled_from(["", " ", "found"]))
_seals: Final = st.none() | st.sampled_from(
    [
        Seal("anthropic-messages", "anthropic", "sig"),
        Seal("anthropic-messages", "anthropic", "x", "redacted"),
        Seal("openai-responses", "openai", "e", "encrypted"),
    ]
)
_thinking: Final = st.builds(Thinking, _any_text, _seals)
_call: Final = st.builds(
    ToolCall,
    _ids,
    _names,
    arguments() | st.sampled_from(["", "[1]", '{"a": ', "oops"]),
    by=st.sampled_from(["client", "client", "proxy", "backend"]),
)
_result: Final = st.builds(
    ToolResult,
    _ids,
    st.lists(st.one_of(_text, _image, _document, _gist), max_size=3).map(tuple),
    st.booleans(),
    cache=_caches,
)


def _turn(role: str, parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Turn]:
    return st.builds(
        lambda parts, name: Turn(role, tuple(parts), name, path="messages[0]"),  # type: ignore[arg-type]  # a role
        st.lists(parts, max_size=4),
        st.none() | st.just("bob"),
    )


_turns: Final = st.one_of(
    _turn("user", st.one_of(_text, _image, _document, _result, _result, _gist)),
    _turn("assistant", st.one_of(_text, _thinking, _call, _call, _gist, st.builds(Refusal, _any_text))),
    _turn("assistant", _call),
    _turn("user", _result),
    _turn("system", _text),
    _turn("developer", _text),
)
_tools: Final = st.lists(st.builds(FunctionTool, _names, cache=_caches), max_size=2).map(tuple)


def requests(dialect: Dialect) -> st.SearchStrategy[Request]:
    return st.builds(
        lambda turns, tools, max_tokens: Request(
            dialect=dialect, model="asked-model", turns=tuple(turns), tools=tools, max_tokens=max_tokens
        ),
        st.lists(_turns, max_size=8),
        _tools,
        st.none() | st.integers(1, 64_000),
    )
