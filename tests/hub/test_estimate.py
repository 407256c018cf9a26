"""Tokens estimated without a tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.estimate import (
    TOKENS_PER_IMAGE,
    TOKENS_PER_PDF_PAGE,
    TOKENS_PER_TURN,
    is_at_least,
    rough_tokens,
    tokens_in_json,
    tokens_in_part,
    tokens_in_request,
    tokens_in_text,
)
from dragoman.hub.request import (
    CustomTool,
    Document,
    FunctionTool,
    HostedTool,
    Image,
    Inline,
    Link,
    Nested,
    Opaque,
    Part,
    Refusal,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Written,
)
from dragoman.wire import jsons


# What o200k counts. The estimate may be a quarter off on texts as short as these.
@pytest.mark.parametrize(
    ("text", "counted"),
    [
        (
            "The quick brown fox jumps over the lazy dog. It was not amused by what the fox had done to it, and said so.",
            27,
        ),
        ("def fib(n):\n    if n < 2:\n        return n\n    return fib(n - 1) + fib(n - 2)\n", 30),
        ('{"name": "read_file", "arguments": {"path": "/etc/hostname", "limit": 100}}', 24),
        ("敏捷的棕色狐狸跳过了懒狗。它对狐狸所做的事情并不感到高兴。", 27),
        ("if (a[i] != b->c) { return -1; } // !?\n" * 30, 570),
        ("total 24\ndrwxr-xr-x 2 root root 4096 Nov 22 10:03 .\n" * 30, 750),
        ("6f9619ff8b86d011b42d00cf4fc964ff " * 20, 400),
    ],
)
def test_estimates_are_near_what_is_counted(text: str, counted: int) -> None:
    assert counted * 0.75 <= tokens_in_text(text) <= counted * 1.25


def test_no_text_is_no_token() -> None:
    assert tokens_in_text("") == 0


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(one: str, more: str) -> None:
    assert tokens_in_text(one + "\n" + more) >= max(tokens_in_text(one), tokens_in_text(more))


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Text("hello"), 2),
        (Refusal("hello"), 2),
        (Thinking("hello"), 2),
        (ToolCall("id", "f", "{}"), tokens_in_text("f") + tokens_in_text("{}") + TOKENS_PER_TURN),
        (ToolResult("id", (Text("hello"), Image(Link("x")))), TOKENS_PER_TURN + 2 + TOKENS_PER_IMAGE),
        (Image(Inline("image/png", "a" * 1_000_000)), TOKENS_PER_IMAGE),
        (Document(Written("hello")), 2),
        (Document(Nested((Text("hello"),))), 2),
        (Document(Inline("application/pdf", "a" * 250_000)), 3 * TOKENS_PER_PDF_PAGE),
        (Document(Link("https://a.example/b.pdf")), 0),
        (Opaque("anthropic-messages", "x", {}, "hello"), 2),
        (Opaque("anthropic-messages", "x", {}), 0),
    ],
)
def test_parts(part: Part, tokens: int) -> None:
    assert tokens_in_part(part) == tokens


def request(*parts: Part) -> Request:
    tools = (
        FunctionTool("f", "Does it.", {"type": "object", "properties": {"a": {"type": ["string", "null"], "n": 1}}}),
        CustomTool("c", "Patches.", "lark", "start: x"),
        HostedTool("openai-chat", "web_search", {}),
    )
    return Request(dialect="openai-chat", model="m", turns=(Turn("user", parts),), tools=tools)


def test_a_request_is_its_turns_and_its_tools() -> None:
    tools = tokens_in_request(request(), jsons.write_text)
    assert tools > tokens_in_text("f Does it. c Patches. start: x") + TOKENS_PER_TURN
    assert tokens_in_request(request(Text("hello")), jsons.write_text) == tools + 2


def test_a_megabyte_of_base64_is_no_text() -> None:
    assert tokens_in_request(request(Image(Inline("image/png", "a" * 1_000_000))), jsons.write_text) < 5_000


PARTS: list[Part] = [
    Text("some words of a sentence, in which nothing happens at all " * 3_000),
    Text("敏捷的棕色狐狸跳过了懒狗" * 300),
    Text("if (a[i] != b->c) { return -1; } // !?\n" * 300),
    ToolCall("id", "f", '{"path": "/etc/hostname"}' * 300),
    ToolResult("id", (Text("drwxr-xr-x 2 root root 4096 Nov 22 10:03 .\n" * 300), Image(Link("x")))),
    Document(Written("some words " * 100)),
    Document(Nested((Text("some words " * 100), Image(Link("x"))))),
    Document(Inline("application/pdf", "a" * 250_000)),
    Document(Link("https://a.example/b.pdf")),
    Opaque("anthropic-messages", "x", {}, "some words " * 100),
    Image(Link("https://a.example/b.png")),
]


@pytest.mark.parametrize("text", [part.text for part in PARTS if isinstance(part, Text)])
@pytest.mark.parametrize("times", [1, 40])
def test_rendered_prompts_are_counted_on_a_sample(text: str, times: int) -> None:
    better = tokens_in_text(text) * times
    counted = tokens_in_json(jsons.write([{"role": "user", "content": text}] * times))
    assert 0.85 * better <= counted <= 1.2 * better + 20 * times


def test_data_urls_are_counted_as_pictures_and_pages() -> None:
    picture, pages = "data:image/png;base64," + "a" * 1_000_000, "data:application/pdf;base64," + "a" * 250_000
    counted = tokens_in_json(jsons.write([{"url": picture}, {"file": pages}, {"text": "data:;base64,"}]))
    assert TOKENS_PER_IMAGE + 3 * TOKENS_PER_PDF_PAGE <= counted <= TOKENS_PER_IMAGE + 4 * TOKENS_PER_PDF_PAGE + 100


def test_the_rough_estimate_is_on_the_high_side_for_prose() -> None:
    assert rough_tokens(request(Text("some words " * 100), Image(Link("x")))) == 366


@pytest.mark.parametrize("part", [part for part in PARTS if tokens_in_part(part) > 0])
def test_a_conversation_is_surely_as_long_as_its_words(part: Part) -> None:
    one = Request(dialect="openai-chat", model="m", turns=(Turn("user", (part,)),))
    assert not is_at_least(one, 3 * tokens_in_part(part))
    wordless = isinstance(part, Image) or (isinstance(part, Document) and not isinstance(part.source, Written))
    assert is_at_least(one, tokens_in_part(part) // 4) != wordless
    assert not is_at_least(Request(dialect="openai-chat", model="m", turns=()), 1)
