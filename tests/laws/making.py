"""Events made by hypothesis: every sequence keeps the grammar and says only what its dialect can say."""

import itertools
from typing import Any, Final, Literal

from hypothesis import strategies as st

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.request import (
    Citation,
    Dialect,
    Fetched,
    Hit,
    Opaque,
    Refusal,
    Seal,
    Searched,
    Text,
    Thinking,
    ToolCall,
)
from dragoman.hub.usage import Usage
from dragoman.wire import jsons

Kind = Literal["text", "refusal", "thinking", "tool", "free_text", "their_tool", "shown", "redacted", "search"]

# Line separators, half-typed tags, escapes, wide characters: what has broken readers before.
_NASTY: Final = st.sampled_from(
    [
        "\n",
        "\r\n",
        "\u2028",
        "\x85",
        "\x0b",
        "data: x\n\n",
        "[DONE]",
        "<think>",
        "</think>",
        '"',
        "\\",
        "\\u0000",
        "\x00",
    ]
)
characters: Final = st.characters(codec="utf-8")
texts: Final = st.lists(st.one_of(st.text(characters, min_size=1, max_size=6), _NASTY), min_size=1, max_size=4).map(
    "".join
)
json_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
json_objects: Final = st.dictionaries(texts, json_values, max_size=3)
counts: Final = st.integers(0, 2**31)
names: Final = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True)


@st.composite
def arguments(draw: st.DrawFn) -> str:
    """One JSON object, spelled in one of the ways models spell it."""
    value = draw(json_objects)
    compact = jsons.write_text(value)
    return draw(st.sampled_from([compact, f" {compact}\n", compact.replace('":', '" : ', 1)]))


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    """The text in pieces, none of them empty."""
    if not text:
        return []
    places = sorted(draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=6)))
    bounds = [0, *(place for place in places if place < len(text)), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


@st.composite
def usages(draw: st.DrawFn, dialect: Dialect) -> Usage:
    read, written, fresh = draw(counts), draw(counts), draw(counts)
    output = draw(counts)
    messages = dialect == "anthropic-messages"
    searches = draw(st.none() | st.integers(1, 9)) if messages else None
    return Usage(
        input=read + written + fresh,
        cache_read=read,
        cache_written=written,
        cache_written_1h=draw(st.integers(0, written)) if messages else None,
        output=output,
        reasoning=draw(st.integers(0, output)),
        searches=searches,
        fetches=None if searches is None else draw(st.integers(0, 9)),
    )


@st.composite
def _block(draw: st.DrawFn, number: int, kind: Kind, call_id: str, dialect: Dialect) -> list[Event]:
    messages = dialect == "anthropic-messages"
    match kind:
        case "free_text":
            grown = [Grew(number, piece) for piece in draw(cut(draw(texts)))]
            return [Opened(number, ToolCall(call_id, draw(names), kind="custom")), *grown, Closed(number)]
        case "search":
            return [Showed(number, draw(_search(call_id)))]
        case "tool" | "their_tool":
            call = ToolCall(call_id, draw(names), by="client" if kind == "tool" else "backend")
            pieces = draw(cut(draw(arguments())))
            return [Opened(number, call), *(Grew(number, piece) for piece in pieces), Closed(number)]
        case "shown" if not messages:
            raw = {"id": f"mcp_{number}", "type": "mcp_call", "name": draw(names), "output": draw(json_values)}
            return [Showed(number, Opaque("openai-responses", "mcp_call", raw))]
        case "shown":
            raw = {"type": "web_search_tool_result", "tool_use_id": call_id, "content": draw(json_values)}
            return [Showed(number, Opaque("anthropic-messages", "web_search_tool_result", raw))]
        case "redacted":
            return [Showed(number, Thinking("", Seal("anthropic-messages", "generic", draw(texts), "redacted")))]
        case "thinking":
            text = draw(texts)
            grown = [Grew(number, piece) for piece in draw(cut(text))]
            seal = draw(st.none() | _seal(dialect, f"rs_{call_id}", text))
            extra = {"id": seal.value["id"]} if seal and not messages else {}
            return [Opened(number, Thinking("", extra=extra)), *grown, Closed(number, seal)]
        case "refusal":
            return [Opened(number, Refusal("")), *(Grew(number, p) for p in draw(cut(draw(texts)))), Closed(number)]
        case "text":
            said = draw(st.lists(citations(dialect), max_size=2)) if dialect != "openai-chat" else []
            cited: list[Event] = [Cited(number, citation) for citation in said]
            grown = [Grew(number, piece) for piece in draw(cut(draw(texts)))]
            phases = st.sampled_from([{}, {"phase": "commentary"}]) if dialect == "openai-responses" else st.just({})
            return [Opened(number, Text("", extra=draw(phases))), *grown, *cited, Closed(number)]


@st.composite
def citations(draw: st.DrawFn, dialect: Dialect) -> Citation:
    if dialect == "openai-responses":
        return Citation(draw(texts), draw(texts))
    index = {"encrypted_index": draw(texts)}
    return Citation(draw(texts), draw(texts), draw(texts), extra=index)


def _seal(dialect: Dialect, item_id: str, text: str) -> st.SearchStrategy[Seal | None]:
    """A proof of one's own. Responses seals a whole item."""
    match dialect:
        case "openai-chat":
            return st.none()
        case "anthropic-messages":
            return st.builds(lambda value: Seal(dialect, "generic", value), texts)
        case "openai-responses":
            item = {"id": item_id, "type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}
            return st.builds(
                lambda value: Seal(dialect, "generic", {**item, "encrypted_content": value}, "encrypted"), texts
            )


@st.composite
def _search(draw: st.DrawFn, call_id: str) -> Searched:
    queries = draw(st.lists(texts, min_size=1, max_size=2))
    hits = draw(st.lists(st.builds(Hit, texts), max_size=2))
    sources = [{"type": "url", "url": hit.url} for hit in hits]
    action = {"type": "search", "query": queries[0], "queries": queries, "sources": sources}
    raw = {"id": f"ws_{call_id}", "type": "web_search_call", "status": "completed", "action": action}
    return Searched("openai-responses", tuple(queries), tuple(hits), raw)


_PROBLEMS: Final = st.none() | st.sampled_from(["unavailable", "max_uses_exceeded"])


def ran() -> st.SearchStrategy[Searched | Fetched]:
    """What a tool has come to that the proxy has run: no dialect's own way of saying it, any outcome."""
    hits = st.builds(Hit, texts, texts, texts, st.none() | texts, texts)
    searched = st.builds(
        Searched,
        st.just("openai-chat"),
        st.lists(texts, max_size=2).map(tuple),
        st.lists(hits, max_size=2).map(tuple),
        problem=_PROBLEMS,
        id=st.just("") | st.uuids().map(lambda made: made.hex),
    )
    fetched = st.builds(Fetched, texts, texts, texts, at=st.sampled_from([0.0, 1.79e9]), problem=_PROBLEMS)
    return searched | fetched


_TOOL: Final[st.SearchStrategy[Kind]] = st.just("tool")
_KINDS: Final[dict[Dialect, tuple[Kind, ...]]] = {
    "openai-chat": ("text", "refusal", "thinking", "tool"),
    "anthropic-messages": ("text", "thinking", "tool", "their_tool", "shown", "redacted"),
    "openai-responses": ("text", "refusal", "thinking", "tool", "free_text", "shown", "search"),
}
_REASONS: Final[dict[Dialect, tuple[Reason, ...]]] = {
    "openai-chat": ("stop", "length", "filtered"),
    "openai-responses": ("stop", "length", "filtered"),
    "anthropic-messages": ("stop", "length", "context_full", "filtered", "paused", "stop_sequence"),
}


@st.composite
def answers(draw: st.DrawFn, dialect: Dialect, *, interleaved: bool = False) -> list[Event]:
    """One answer. interleaved: the blocks' events are mixed, as parallel calls come from some backends.

    Chat tells no two neighbouring blocks of one kind apart, so there are none. Of Responses two texts are two messages.
    """
    kinds = draw(st.lists(st.sampled_from(_KINDS[dialect]), max_size=5))
    if dialect == "openai-chat":
        kinds = [k for n, k in enumerate(kinds) if k == "tool" or n == 0 or kinds[n - 1] != k]
    if interleaved:
        kinds = draw(st.lists(_TOOL, min_size=2, max_size=4))
    numbers = draw(st.lists(st.integers(0, 99), min_size=len(kinds), max_size=len(kinds), unique=True))
    blocks = [
        draw(_block(number, kind, f"call_{place}", dialect))
        for place, (number, kind) in enumerate(zip(numbers, kinds, strict=True))
    ]
    if dialect == "openai-responses":
        blocks = [
            _apart(block) if number and kinds[number - 1] == "text" else block for number, block in enumerate(blocks)
        ]
    said = draw(_mixed(blocks)) if interleaved else [event for block in blocks for event in block]
    usage = draw(usages(dialect))
    if "search" in kinds:
        usage = usage.updated(Usage(searches=kinds.count("search")))
    return [Began(), *said, Noted(usage), draw(_ending(dialect, kinds))]


def _apart(block: list[Event]) -> list[Event]:
    match block[0]:
        case Opened(number, Text(extra=extra)):
            return [Opened(number, Text("", extra={**extra, "apart": True})), *block[1:]]
        case _:
            return block


@st.composite
def _mixed(draw: st.DrawFn, blocks: list[list[Event]]) -> list[Event]:
    waiting, said = [list(block) for block in blocks], []
    while waiting := [block for block in waiting if block]:
        said.append(draw(st.sampled_from(waiting)).pop(0))
    return said


@st.composite
def _ending(draw: st.DrawFn, dialect: Dialect, kinds: list[Kind]) -> Ended:
    reason: Reason = draw(st.sampled_from(_REASONS[dialect]))
    if reason == "stop":
        if "tool" in kinds or "free_text" in kinds:
            reason = "tool_calls"
        elif "refusal" in kinds:
            reason = "refused"
    sequence = draw(texts) if reason == "stop_sequence" else None
    explanation = draw(texts) if reason == "filtered" and dialect == "anthropic-messages" else None
    return Ended(reason, None, sequence, explanation)


def partitions(size: int) -> st.SearchStrategy[list[int]]:
    """Sizes of the pieces some bytes are read in."""
    return st.lists(st.integers(1, max(1, size)), max_size=60)


def in_pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        if not data:
            break
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data] if data else pieces


# What a backend may send instead of sense: known words in places where they do not belong.
_WORDS: Final = st.sampled_from(
    [
        *(
            "type",
            "index",
            "delta",
            "message",
            "content",
            "content_block",
            "usage",
            "choices",
            "tool_calls",
            "id",
            "name",
        ),
        *("function", "arguments", "finish_reason", "reasoning", "reasoning_content", "reasoning_details", "refusal"),
        *("text", "thinking", "input", "citations", "citation", "url", "signature", "stop_reason", "stop_details"),
        *("annotations", "url_citation", "error", "code", "detail", "base_resp", "partial_json", "function_call"),
        *("response", "output", "item", "item_id", "output_index", "content_index", "summary_index", "part", "status"),
        *("summary", "encrypted_content", "call_id", "action", "operation", "annotation", "incomplete_details"),
    ]
)
_VALUES: Final = st.sampled_from(
    [
        *("message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta", "error"),
        *("content_block_stop", "text_delta", "thinking_delta", "input_json_delta", "signature_delta", "ping"),
        *("citations_delta", "text", "thinking", "tool_use", "server_tool_use", "redacted_thinking", "stop", "length"),
        *("tool_calls", "custom", "end_turn", "{}", '{"a":', "<think>", ""),
        *("response.created", "response.output_item.added", "response.output_item.done", "response.completed"),
        *("response.output_text.delta", "message", "reasoning", "function_call", "web_search_call", "output_text"),
    ]
)
nonsense: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _VALUES | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=20,
)
