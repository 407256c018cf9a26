"""The golden matrix: what each client is told of each transcript, and what each backend is asked by each client.

    <client>-from-<backend>/<transcript>.sse    the answer as it is streamed
    <client>-from-<backend>/<transcript>.json   the answer as a whole, or the error in its stead
    <client>-from-<backend>/<transcript>-rescued.*   the same, where the tools that it calls in its text were offered
    <client>-from-proxy/searches.*              what the proxy has searched for itself, and read
    <client>-to-<backend>.json                  the request, and what of it was lost; spaced out for who reads it

They are written by `pytest --update-golden` and read by reviewers. On the diagonal stands what is said when the bytes
cannot be relayed, as where a processor has to change them.

A transcript lies in tests/transcripts/<backend>/<transcript>/. Its said.json tells, written without our readers, what
is in it: `thinking`, `text`, `refusal`, `calls`, `end`, and the tokens `input` (those `cached` included) and `output`;
or `error`, a part of the message the client must hear. A call's `arguments` are a string where they are incomplete.
`rescued` are the calls that stand in the text; what was asked with them is in request.json.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from dragoman.hub.answer import fold
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Grew, Noted, Opened, Running, Showed
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Dialect, Fetched, Hit, Request, Searched, Text, Thinking
from dragoman.hub.route import Backend, Profile, Route, Secret
from dragoman.hub.usage import Usage
from dragoman.protocols import BACKENDS, CLIENTS
from dragoman.protocols.call_kinds import lowered
from dragoman.protocols.codec import Stamp
from dragoman.protocols.said_calls import SaidCalls, callable_tools
from dragoman.routing.profiles import profile_for
from dragoman.wire import jsons

HERE: Final = Path(__file__).parent
ASKED: Final = HERE / "asked"
TRANSCRIPTS: Final = HERE.parent / "transcripts"
STAMP: Final = Stamp("0123456789abcdef01234567", 1_790_000_000)
DIALECTS: Final[tuple[Dialect, ...]] = tuple(CLIENTS)

_PICTURE: Final = "iVBORw0KGgoAAAANSUhEUg"  # how the picture in every question of asked/ begins

# What the answers answer, in few words; usage and summaries are asked for as agents do.
_LEAST: Final[Mapping[Dialect, Mapping[str, Any]]] = {
    "anthropic-messages": {"max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}]},
    "openai-chat": {"messages": [{"role": "user", "content": "hi"}], "stream_options": {"include_usage": True}},
    "openai-responses": {"input": "hi", "reasoning": {"summary": "auto"}, "store": False},
}

# A usual backend of each dialect: its family, and a model.
USUAL: Final[Mapping[Dialect, tuple[str, str]]] = {
    "anthropic-messages": ("anthropic", "claude-sonnet-4-5"),
    "openai-chat": ("vllm", "Qwen/Qwen3-Coder-30B-A3B-Instruct"),
    "openai-responses": ("openai", "gpt-5.1"),
}


class Cell(NamedTuple):
    client: Dialect
    backend: Dialect
    transcript: str
    rescued: bool = False

    def __str__(self) -> str:
        return f"{self.client}-from-{self.backend}/{self.transcript}{'-rescued' if self.rescued else ''}"

    @property
    def said(self) -> dict[str, Any]:
        said: dict[str, Any] = jsons.read((self._folder / "said.json").read_bytes())
        return {**said, "text": "", "calls": said["rescued"], "end": "tool_calls"} if self.rescued else said

    def streamed(self) -> bytes:
        request = self._request(stream=True)
        writer = CLIENTS[self.client].stream_writer(request, STAMP)
        return b"".join([writer.feed(event) for event in self._events(request, "stream.sse", "answer.json")])

    def whole(self) -> tuple[int, bytes]:
        """The status, and the body."""
        client, request = CLIENTS[self.client], self._request(stream=False)
        try:
            answer = fold(self._events(request, "answer.json", "stream.sse"))
        except Problem as problem:
            refused = client.write_problem(problem, f"req_{STAMP.id}")
            return refused.status, refused.body
        return 200, client.write_answer(answer, request, STAMP)

    def _request(self, *, stream: bool) -> Request:
        request = _request(self.client, stream=stream)
        if not self.rescued:
            return request
        asked = CLIENTS[self.backend].read_request(_bytes(self._folder / "request.json"), {})
        return msgspec.structs.replace(request, tools=asked.tools)

    def _events(self, request: Request, first: str, second: str) -> list[Event]:
        said = self._said(request, first, second)
        if not self.rescued:
            return said
        calls = SaidCalls(callable_tools(request, {}), request, STAMP, lambda _calls, _form: None)
        return [event for each in said for event in calls.feed(each)]

    def _said(self, request: Request, first: str, second: str) -> list[Event]:
        """Of the first of two recordings that is there. A backend may stream unasked, or not though asked."""
        side = BACKENDS[self.backend]
        path = self._folder / (first if (self._folder / first).exists() else second)
        if path.suffix == ".json":
            return side.read_answer(path.read_bytes(), request, Profile(), STAMP)
        reader = side.stream_reader(request, Profile(), STAMP)
        return [*reader.feed(path.read_bytes()), *reader.finish()]

    @property
    def _folder(self) -> Path:
        return TRANSCRIPTS / self.backend / self.transcript


_CELLS: Final = tuple(
    Cell(client, backend, folder.name)
    for client in DIALECTS
    for backend in DIALECTS
    for folder in sorted((TRANSCRIPTS / backend).iterdir())
)
CELLS: Final = (*_CELLS, *(cell._replace(rescued=True) for cell in _CELLS if "rescued" in cell.said))


class Ran(NamedTuple):
    """How a client is shown what the proxy has run."""

    client: Dialect

    def __str__(self) -> str:
        return f"{self.client}-from-proxy/searches"

    def streamed(self) -> bytes:
        writer = CLIENTS[self.client].stream_writer(_asking(self.client, stream=True), STAMP)
        return b"".join(map(writer.feed, SEARCHES))

    def whole(self) -> bytes:
        return CLIENTS[self.client].write_answer(fold(SEARCHES), _asking(self.client, stream=False), STAMP)


def _asking(dialect: Dialect, *, stream: bool) -> Request:
    request = _request(dialect, stream=stream)
    if dialect != "openai-responses":
        return request
    return msgspec.structs.replace(
        request, extra={"said": {**request.extra["said"], "include": ["web_search_call.action.sources"]}}
    )


_FOUND: Final = (
    Hit("https://lab.example/ducks", "Ducks", "Ducks swim.", "2 days ago", "dgm1.all.mac"),
    Hit("https://lab.example/geese", sealed="dgm1.page.mac"),
)
_SEES: Final = "See https://lab.example/ducks."
SEARCHES: Final[tuple[Event, ...]] = (
    Began(),
    Opened(0, Thinking("")),
    Grew(0, "Let me look."),
    Closed(0),
    Running(1, Searched("openai-chat", ("ducks",), id=f"{STAMP.id}0000")),
    Running(2, Searched("openai-chat", ("geese",), id=f"{STAMP.id}0001")),
    Showed(1, Searched("openai-chat", ("ducks",), _FOUND, id=f"{STAMP.id}0000")),
    Showed(2, Searched("openai-chat", ("geese",), problem="max_uses_exceeded", id=f"{STAMP.id}0001")),
    Showed(3, Fetched("https://lab.example/ducks", "Ducks", "Ducks swim.", "text/html", 1.79e9, id=f"{STAMP.id}0100")),
    Showed(4, Fetched("https://lab.example/gone", problem="url_not_accessible", id=f"{STAMP.id}0101")),
    Opened(5, Text("")),
    Grew(5, _SEES),
    Cited(5, Citation("https://lab.example/ducks", "Ducks", "Ducks swim.", 4, len(_SEES) - 1)),
    Closed(5),
    Noted(Usage(input=3000, cache_read=600, output=84, searches=1, fetches=2, context=1600)),
    Ended("stop"),
)
RUNS: Final = tuple(map(Ran, DIALECTS))


class Question(NamedTuple):
    """One request in the form of a coding agent, before a usual backend."""

    client: Dialect
    backend: Dialect

    def __str__(self) -> str:
        return f"{self.client}-to-{self.backend}"

    def written(self) -> dict[str, Any]:
        """The request as the backend gets it, and what of it was lost, by name."""
        family, model = USUAL[self.backend]
        backend = Backend("http://127.0.0.1:9", Secret(""), self.backend, profile_for(family, model))
        route = Route(model="the-model", backend_model=model, backends=(backend,))
        losses = Losses()
        request = CLIENTS[self.client].read_request(_bytes(ASKED / f"{self.client}.json"), {})
        if self.client != self.backend:
            CLIENTS[self.client].note_losses(request, losses)
        if self.backend != "openai-responses":  # as the gateway does: others know no namespaces and no free text
            request = lowered(request, custom_tools=backend.profile.openai_fields)[0]
        body = BACKENDS[self.backend].write_request(request, route, backend, losses)
        lost = {loss.path: f"{'warned' if loss.warned else 'silent'}: {loss.why}" for loss in losses.noted}
        return {"lost": lost, "request": jsons.read(body)}

    def shows_picture(self) -> bool:
        return _PICTURE in jsons.write_text(self.written()["request"])


QUESTIONS: Final = tuple(Question(client, backend) for client in DIALECTS for backend in DIALECTS)


class Keeping:
    """Compares with what was kept, or keeps it anew."""

    def __init__(self, *, update: bool) -> None:
        self._update: Final = update

    def keep(self, name: str, data: bytes) -> None:
        path = HERE / name
        if self._update:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        elif not path.exists():
            pytest.fail(f"tests/golden/{name} is missing: run `pytest --update-golden` and read what it writes")
        assert data.decode() == path.read_text(encoding="utf-8"), f"{name}: if this is meant, pytest --update-golden"

    def only(self, names: set[str]) -> None:
        """Nothing else is kept."""
        kept = {path.relative_to(HERE).as_posix() for path in (*HERE.glob("*-from-*/*"), *HERE.glob("*-to-*"))}
        if self._update:
            for name in kept - names:
                (HERE / name).unlink()
            return
        assert kept == names


def _request(dialect: Dialect, *, stream: bool) -> Request:
    body = {"model": "the-model", "stream": stream, **_LEAST[dialect]}
    return CLIENTS[dialect].read_request(jsons.write(body), {})


def _bytes(path: Path) -> bytes:
    return path.read_bytes()
