"""A reply's bytes on the left, what we read on the right. Cutting the bytes elsewhere changes nothing."""

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.net.reply_reader import MAX_HEAD, ReplyReader, RubbishError
from tests.net.scripted import chunked, ok

CUT_OFF = "cut off"  # the connection ended before the reply did
RUBBISH = "rubbish"

Outcome = tuple[int, bytes, bool, str]


def read(wire: bytes, sizes: list[int] | None = None, method: str = "POST") -> Outcome:
    """status, body, reusable, "" or what went wrong; pieces of the given sizes, then the rest, then the end."""
    reader, body = ReplyReader(method), b""
    pieces = []
    for size in sizes or []:
        pieces.append(wire[:size])
        wire = wire[size:]
    try:
        for piece in [*pieces, wire]:
            if piece:
                reader.feed(piece)
            body += b"".join(reader.chunks)
            reader.chunks.clear()
    except RubbishError:
        return reader.status, body + b"".join(reader.chunks), reader.reusable, RUBBISH
    return reader.status, body, reader.reusable, "" if reader.finish() else CUT_OFF


REPLIES: dict[str, tuple[bytes, Outcome]] = {
    "content-length": (ok(b"hello"), (200, b"hello", True, "")),
    "empty": (ok(b""), (200, b"", True, "")),
    "told to close": (ok(b"hello", b"Connection: close"), (200, b"hello", False, "")),
    "chunked": (chunked(b"he", b"llo"), (200, b"hello", True, "")),
    "chunk extensions": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n",
        (200, b"hello", True, ""),
    ),
    "trailers": (chunked(b"hello", trailers=b"x-sum: 1\r\nset-cookie: a\r\n"), (200, b"hello", True, "")),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nhello", (200, b"hello", False, "")),
    "until the end, coded": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhello",
        (200, b"hello", False, ""),
    ),
    "1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", (200, b"hello", False, "")),
    "1.0, kept": (
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello",
        (200, b"hello", True, ""),
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"", True, "")),
    "not modified, with the length it would have": (
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n",
        (304, b"", True, ""),
    ),
    "interim answers": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + ok(b"hello"),
        (200, b"hello", True, ""),
    ),
    "a redirect": (
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n",
        (307, b"", True, ""),
    ),
    "an offer to upgrade": (ok(b"hello", b"Connection: upgrade", b"Upgrade: h2c"), (200, b"hello", True, "")),
    "bare line feeds": (b"HTTP/1.1 200 OK\ncontent-length: 5\n\nhello", (200, b"hello", True, "")),
    "spaces after a chunk's size": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5  \r\nhello\r\n0\r\n\r\n",
        (200, b"hello", True, ""),
    ),
    "a body that looks like a reply": (ok(ok(b"inner")), (200, ok(b"inner"), True, "")),
    "junk behind": (ok(b"hello") + b"junk", (200, b"hello", False, "")),
    "another reply behind": (ok(b"hello") + ok(b"other"), (200, b"hello", False, "")),
    "junk behind, told to close": (ok(b"hello", b"connection: close") + b"junk", (200, b"hello", False, "")),
    "junk behind no content": (b"HTTP/1.1 204 No Content\r\n\r\njunk", (204, b"", False, "")),
    "a body behind not modified": (
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\njunk",
        (304, b"", False, ""),
    ),
    "cut off in the head": (b"HTTP/1.1 200 OK\r\ncontent-le", (0, b"", False, CUT_OFF)),
    "cut off in a length": (ok(b"hello")[:-2], (200, b"hel", True, CUT_OFF)),
    "cut off in a chunk": (chunked(b"hello")[:-9], (200, b"hel", True, CUT_OFF)),
    "cut off before the last chunk": (chunked(b"hello")[:-5], (200, b"hello", True, CUT_OFF)),
    "cut off after an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", (0, b"", False, CUT_OFF)),
    "garbage for a chunk's size": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\nxyz\r\n",
        (200, b"he", True, RUBBISH),
    ),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", (0, b"", False, RUBBISH)),
    "HTTP/2": (b"HTTP/2 200\r\n\r\n", (0, b"", False, RUBBISH)),
    "an upgrade nobody asked for": (
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        (0, b"", False, RUBBISH),
    ),
    "an upgrade to nothing": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + ok(), (0, b"", False, RUBBISH)),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        (0, b"", False, RUBBISH),
    ),
    "a folded header": (b"HTTP/1.1 200 OK\r\nx: a\r\n b: c\r\n\r\n", (0, b"", False, RUBBISH)),
}


@pytest.mark.parametrize("name", REPLIES)
def test_replies(name: str) -> None:
    wire, outcome = REPLIES[name]
    assert read(wire) == outcome


@pytest.mark.parametrize("name", REPLIES)
def test_byte_by_byte(name: str) -> None:
    wire, outcome = REPLIES[name]
    assert read(wire, [1] * len(wire)) == outcome


@given(st.sampled_from(sorted(REPLIES)), st.lists(st.integers(1, 40), max_size=40))
def test_any_cutting(name: str, sizes: list[int]) -> None:
    wire, outcome = REPLIES[name]
    assert read(wire, sizes) == outcome


@given(st.binary(max_size=200), st.integers(0, 60), st.lists(st.integers(1, 40), max_size=10))
def test_no_bytes_make_it_fail_in_another_way(junk: bytes, at: int, sizes: list[int]) -> None:
    wire = chunked(b"hello", b"world")
    read(wire[:at] + junk + wire[at:], sizes)


def test_the_head_is_known_before_the_body_comes() -> None:
    reader = ReplyReader("POST")
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    assert reader.headed
    assert reader.headers.get("content-type") == "text/event-stream"
    assert not reader.complete


def test_headers_of_interim_answers_and_trailers_are_not_the_replys() -> None:
    reader = ReplyReader("POST")
    reader.feed(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + chunked(b"x", trailers=b"x-sum: 1\r\n"))
    assert reader.headers == {"transfer-encoding": "chunked"}


def test_of_a_repeated_header_the_first_counts_and_of_codings_the_last() -> None:
    reader = ReplyReader("POST")
    fields = b"Retry-After: 1\r\nretry-after: 2\r\ntransfer-encoding: gzip\r\ntransfer-encoding: Chunked\r\n"
    reader.feed(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n5\r\nhello\r\n0\r\n\r\n")
    assert reader.headers == {"retry-after": "1", "transfer-encoding": "gzip"}
    assert (reader.chunks, reader.complete, reader.reusable) == ([b"hello"], True, True)


def test_the_reply_to_head_ends_with_its_head() -> None:
    assert read(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", method="HEAD") == (200, b"", True, "")
    assert read(ok(b"a body for all that"), method="HEAD") == (200, b"", False, "")


def test_bytes_that_come_after_the_end_spoil_the_connection() -> None:
    reader = ReplyReader("POST")
    reader.feed(ok())
    assert reader.reusable
    reader.feed(b"junk")
    assert reader.complete
    assert not reader.reusable


@pytest.mark.parametrize(
    "endless",
    [
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y"),
        (b"HTTP/1.1 ", b"0"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", b"x"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", b"y"),
    ],
)
def test_nothing_but_a_body_is_without_end(endless: tuple[bytes, bytes]) -> None:
    reader = ReplyReader("POST")
    before, again = endless
    if before:
        reader.feed(before)

    def go_on() -> None:
        for _ in range(3 * MAX_HEAD // 1000):
            reader.feed(again * 1000)

    with pytest.raises(RubbishError):
        go_on()


def test_a_large_head_is_read() -> None:
    field = b"x: " + b"y" * 1000
    assert read(ok(b"hello", *[field] * 60)) == (200, b"hello", True, "")
    assert read(ok(b"hello", *[field] * 70)) == (0, b"", False, RUBBISH)


def test_a_reply_read_to_its_end_leaves_nothing_to_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            ReplyReader("POST").feed(chunked(b"hello"))
            ReplyReader("HEAD").feed(ok(b""))
        assert gc.collect() == 0
    finally:
        gc.enable()
