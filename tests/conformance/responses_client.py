"""What a client of the Responses dialect hears: by the official SDK, and as Codex gathers it."""

from typing import Any, Final

import openai
from msgspec import Struct

from dragoman.hub.answer import fold
from dragoman.hub.events import Event
from dragoman.hub.request import Dialect, Request
from dragoman.protocols import BACKENDS, CLIENTS
from dragoman.protocols.call_kinds import Restored
from dragoman.protocols.seals import Enveloped
from dragoman.wire import jsons
from tests.asking import PLAIN, R, read
from tests.conformance import official, open_responses
from tests.crossing import SEALER, on
from tests.laws import wires
from tests.laws.recorded import STAMP

Object = dict[str, Any]
STREAM: Final = {"content-type": "text/event-stream; charset=utf-8"}
JSON: Final = {"content-type": "application/json"}


class Spoken(Struct, frozen=True):
    """One answer on its way to the client: the bytes, what the SDK makes of them, and the items that Codex sees."""

    wire: bytes
    events: list[Object]
    response: Object

    @property
    def items(self) -> list[Object]:
        items: list[Object] = self.response["output"]
        return items

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    def growth(self, index: int) -> str:
        """What the deltas of one item say together."""
        return "".join(e["delta"] for e in self.events if e["type"].endswith(".delta") and e["output_index"] == index)


def asking(body: Object | None, *, stream: bool) -> Request:
    return read(R, {"model": "m", "input": "hi", "stream": stream, **(body or {})})


def events_of(backend: Dialect, said: list[bytes], body: Object | None = None, *, stream: bool = True) -> list[Event]:
    """What the client is to be told of it: restored, and its reasoning sealed."""
    way = on(asking(body, stream=stream), backend)
    if stream:
        reader = BACKENDS[backend].stream_reader(way.request, PLAIN[backend], STAMP)
        events = [event for piece in said for event in reader.feed(piece)] + reader.finish()
    else:
        events = BACKENDS[backend].read_answer(b"".join(said), way.request, PLAIN[backend], STAMP)
    filters: list[Any] = [Restored(dict(way.originals)), Enveloped(R, SEALER)]
    for through in filters:
        events = [told for event in events for told in through.feed(event)]
    return events


def streamed(events: list[Event], body: Object | None = None) -> Spoken:
    """Said as a stream, given to the SDK whole and in single bytes; the rules of the wire hold."""
    writer = CLIENTS[R].stream_writer(asking(body, stream=True), STAMP)
    wire = b"".join(map(writer.feed, events))
    assert wires.responses_breaches(wire) == []
    heard = heard_by_the_sdk([wire])
    assert heard_by_the_sdk([wire[n : n + 1] for n in range(len(wire))]) == heard
    said = [jsons.read(line[6:]) for line in wire.decode().split("\n") if line.startswith("data: {")]
    assert open_responses.complaints(said) == []
    response = said[-1]["response"]
    assert open_responses.complaints_of_response(response) == []
    assert [e["item"] for e in said if e["type"] == "response.output_item.done"] == response["output"]
    return Spoken(wire, said, response)


def heard_by_the_sdk(pieces: list[bytes]) -> list[str]:
    """Both ways to listen; the kinds of events that the accumulating one tells."""
    asked: Any = {"model": "m", "input": "hi"}
    with official.transport(200, STREAM, pieces) as http, _client(http) as client:
        with client.responses.stream(**asked) as answer:
            told: list[str] = [event.type for event in answer]
        plain: list[str] = [event.type for event in client.responses.create(**asked, stream=True)]
    assert told == plain
    return told


def _client(http: Any) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9", max_retries=0, http_client=http)


def whole(events: list[Event], body: Object | None = None) -> Spoken:
    """Said as a whole answer, and given to the SDK."""
    said = CLIENTS[R].write_answer(fold(events), asking(body, stream=False), STAMP)
    asked: Any = {"model": "m", "input": "hi"}
    with official.transport(200, JSON, [said]) as http, _client(http) as client:
        assert isinstance(client.responses.create(**asked).output_text, str)
    response = jsons.read(said)
    assert open_responses.complaints_of_response(response) == []
    return Spoken(said, [], response)
