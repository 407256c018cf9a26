"""An answer is framed as its client understands, its head leaves together with what comes behind it, and it ends once."""

import asyncio
import http.client
import io
import types
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn.server import ServerState

from dragoman.server.flow import Flow
from dragoman.server.outlet import HTTPOutlet
from tests.gateway.stage import run
from tests.server.wires import Wire

PLAIN = ((b"content-type", b"text/plain"),)
Main = Callable[[HTTPOutlet, Wire], Any]


class Said(Wire):
    """ended: how often the outlet said that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.flow = Flow(self)
        self.ended = 0

    def over(self) -> None:
        self.ended += 1

    def outlet(self, method: str = "POST", version: str = "1.1", *, keeps: bool = True) -> HTTPOutlet:
        state = ServerState()
        state.default_headers = [(b"date", b"today")]
        return HTTPOutlet(self.flow, method, version, state, self, keeps=keeps)

    def answer(self, method: str = "POST") -> tuple[http.client.HTTPResponse, bytes]:
        """As the standard library reads it."""
        written = b"".join(self.written)
        stream = Kept(written)
        sock: Any = types.SimpleNamespace(makefile=lambda _mode: stream)
        answer = http.client.HTTPResponse(sock, method=method)
        answer.begin()
        body = answer.read()
        assert stream.at == len(written), "something is left behind the answer"
        return answer, body


class Kept(io.BytesIO):
    """Knows how far it was read, closed or not."""

    at = 0

    def close(self) -> None:
        self.at = self.tell()
        super().close()


def test_a_stream_is_chunked_and_its_head_leaves_with_its_first_piece() -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet()
        outlet.begin(200, PLAIN)
        assert said.written == []
        assert outlet.write(b"0123456789abcdef")
        assert outlet.write(b"more")
        assert (len(said.written), said.ended) == (2, 0)
        outlet.end()
        outlet.end(b"never")
        answer, body = said.answer()
        assert (answer.status, body, said.ended) == (200, b"0123456789abcdefmore", 1)
        assert answer.getheader("transfer-encoding") == "chunked"
        assert answer.getheader("date") == "today"
        assert answer.getheader("connection") is None

    run(main)


@pytest.mark.parametrize("size", [1, 1023, 1024, 100_000])
def test_a_piece_may_have_any_size(size: int) -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet()
        outlet.begin(200, PLAIN, b"x" * size)
        outlet.write(b"y" * size)
        outlet.end()
        assert said.answer()[1] == b"x" * size + b"y" * size

    run(main)


def test_an_answer_of_known_length_is_one_write() -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet()
        outlet.begin(404, [*PLAIN, (b"content-length", b"2")])
        outlet.end(b"ok")
        answer, body = said.answer()
        assert (answer.status, body, len(said.written)) == (404, b"ok", 1)
        assert answer.getheader("transfer-encoding") is None

    run(main)


def test_a_stream_that_ends_with_its_last_piece_is_one_write_more() -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet()
        outlet.begin(200, PLAIN)
        outlet.write(b"one ")
        outlet.end(b"two")
        assert (said.answer()[1], len(said.written)) == (b"one two", 2)

    run(main)


def test_a_head_alone_leaves_in_the_loops_next_turn() -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet()
        outlet.begin(200, PLAIN)
        await asyncio.sleep(0)
        assert said.written[0].endswith(b"\r\n\r\n")
        outlet.write(b"a")
        await asyncio.sleep(0)
        assert said.written[1:] == [b"1\r\na\r\n"]

    run(main)


def test_a_large_body_is_not_copied_behind_its_head() -> None:
    async def main() -> None:
        said, large = Said(), b"x" * 2**20
        outlet = said.outlet()
        outlet.begin(200, [(b"content-length", str(len(large)).encode())])
        outlet.end(large)
        assert said.written[1] is large
        assert said.answer()[1] == large

    run(main)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
def test_what_has_no_body_has_none(method: str, status: int) -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet(method)
        outlet.begin(status, PLAIN)
        if method == "HEAD":
            outlet.write(b"words")
        outlet.end(b"words" if method == "HEAD" else b"")
        assert said.answer(method)[1] == b""
        assert b"words" not in b"".join(said.written)

    run(main)


def test_who_speaks_1_0_hears_no_chunks() -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet(version="1.0")
        outlet.begin(200, PLAIN)
        outlet.write(b"one ")
        outlet.end(b"two")
        answer, body = said.answer()
        assert (body, answer.getheader("connection"), answer.getheader("transfer-encoding")) == (
            b"one two",
            "close",
            None,
        )
        assert not outlet.keeps

    run(main)


def test_the_last_answer_of_a_connection_says_so() -> None:
    async def main() -> None:
        said = Said()
        said_last = said.outlet(keeps=False)
        said_last.begin(200, PLAIN)
        said_last.end()
        assert said.answer()[0].getheader("connection") == "close"

    run(main)


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb"])
def test_no_header_ends_before_its_time(value: bytes) -> None:
    async def main() -> None:
        said = Said()
        with pytest.raises(ValueError, match="line break"):
            said.outlet().begin(200, [(b"x", value)])
        assert said.written == []

    run(main)


def test_a_status_that_nobody_knows_is_said() -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet()
        outlet.begin(599, PLAIN)
        outlet.end()
        assert said.answer()[0].status == 599

    run(main)


def test_a_slow_client_is_waited_for() -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet()
        outlet.begin(200, PLAIN)
        said.flow.full()
        assert not outlet.write(b"a")
        waiting = asyncio.ensure_future(outlet.drained())
        await asyncio.sleep(0)
        assert not waiting.done()
        said.flow.free()
        await waiting
        assert outlet.write(b"b")
        await outlet.drained()

    run(main)


def test_what_is_said_to_who_has_gone_is_lost() -> None:
    async def main() -> None:
        said = Said()
        outlet = said.outlet()
        outlet.begin(200, PLAIN)
        said.close()
        assert outlet.write(b"a")
        outlet.end()
        await asyncio.sleep(0)
        assert (said.written, said.ended) == ([], 1)

    run(main)
