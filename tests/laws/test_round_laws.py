"""An answer of several rounds keeps the grammar of one, whatever the model says in them."""

import asyncio
import types
from contextlib import closing
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.gateway.entry import Entry
from dragoman.gateway.rounds import Rounds
from dragoman.gateway.server_tools import Offer, Prepared
from dragoman.gateway.sources import Into, Source
from dragoman.hub.answer import Answer, fold
from dragoman.hub.events import Closed, Ended, Event, Grew, Noted, Opened, Showed
from dragoman.hub.request import Dialect, FunctionTool, Hit, Request, Searched, Text, ToolCall
from dragoman.protocols import CLIENTS
from dragoman.protocols.codec import Stamp
from dragoman.protocols.seals import Sealer
from dragoman.protocols.server_tools import Wanted
from dragoman.store.database import Database
from dragoman.store.vault import VAULT, Vault
from dragoman.tools.tool import Ran, Wishes
from tests.laws import making, wires
from tests.laws.grammar import breaches

STAMP: Final = Stamp("0123456789abcdef01234567", 1)
CITED: Final = "https://found.example/page"
_dialects: Final[st.SearchStrategy[Dialect]] = st.sampled_from(
    ["openai-chat", "anthropic-messages", "openai-responses"]
)


class Tool:
    declaration: Final = FunctionTool("web_search")

    async def run(self, arguments: dict[str, Any], wishes: Wishes) -> Ran:
        query = str(arguments.get("query"))
        return Ran("found", Searched("openai-chat", (query,), (Hit(CITED, "t", "text"),)))


class Said:
    """A source that says these events, some at a time. poured: how many pieces are handed on between two reads."""

    def __init__(self, events: list[Event], sizes: list[int], poured: int) -> None:
        self._poured: Final = poured
        self._pieces: Final = [events[start : start + size] for start, size in zip(_starts(sizes), sizes, strict=True)]
        self._pieces.append(events[sum(sizes) :])

    async def read(self) -> list[Event]:
        return self._pieces.pop(0)

    async def pour(self, into: Into) -> None:
        for _ in range(min(self._poured, len(self._pieces))):
            if not into(self._pieces.pop(0)):
                break

    def settle(self) -> None:
        assert not any(self._pieces)

    def close(self) -> None:
        pass


def _starts(sizes: list[int]) -> list[int]:
    return [sum(sizes[:number]) for number in range(len(sizes))]


@st.composite
def rounds(draw: st.DrawFn, dialect: Dialect) -> list[list[Event]]:
    """All but the last call the tool, anywhere in what they say."""
    said = []
    for number in range(draw(st.integers(1, 4))):
        events = draw(making.answers(dialect))
        said.append(draw(_calling(events)) if number else events)
    return [*reversed(said)]


@st.composite
def _calling(draw: st.DrawFn, events: list[Event]) -> list[Event]:
    places = [n for n, event in enumerate(events) if isinstance(event, Opened | Showed | Noted)]
    block = max((event.block for event in events if isinstance(event, Opened | Showed)), default=-1) + 1
    call: list[Event] = [
        Opened(block, ToolCall(f"call_of_{block}", "web_search")),
        Grew(block, '{"query":"q"}'),
        Closed(block),
    ]
    place = draw(st.sampled_from(places))
    return [*events[:place], *call, *events[place:-1], Ended("tool_calls")]


async def told(
    client: Dialect, said: list[list[Event]], sizes: list[int], poured: int
) -> tuple[list[Event], list[Request]]:
    with closing(Database(None, (VAULT,))) as database:
        return await _told(client, said, sizes, poured, Vault(database))


async def _told(
    client: Dialect, said: list[list[Event]], sizes: list[int], poured: int, vault: Vault
) -> tuple[list[Event], list[Request]]:
    left, asked = list(said), []

    async def again(request: Request) -> Source:
        asked.append(request)
        return Said(left.pop(0), [size for size in sizes if size], poured)

    gateway = types.SimpleNamespace(vault=vault, sealer=Sealer(b"s"))
    parties: Any = types.SimpleNamespace(client=CLIENTS[client], gateway=gateway, entry=Entry("req_x", "/", client))
    request = Request(dialect=client, model="m", turns=(), tools=(Tool.declaration,))
    prepared = Prepared(request, {"web_search": Offer(Wanted("web_search"), Tool())})
    source = Rounds(await again(request), prepared, again, parties, STAMP)
    events: list[Event] = []

    def over() -> bool:
        return bool(events) and isinstance(events[-1], Ended)

    def take(more: list[Event]) -> bool:
        events.extend(more)
        return not over()

    while not over():
        if take(await source.read()):
            await source.pour(take)
    return events, asked


@given(st.data())
@settings(max_examples=150)
def test_rounds_are_one_answer(data: st.DataObject) -> None:
    client, spoken = data.draw(_dialects), data.draw(_dialects)
    said = data.draw(rounds(spoken))
    sizes, poured = data.draw(st.lists(st.integers(0, 5), max_size=5)), data.draw(st.integers(0, 3))
    events, asked = asyncio.run(told(client, said, sizes, poured))
    assert breaches(events) == []
    own = [bool(_own_calls(one)) for one in said]
    heard = said[: own.index(True) + 1] if True in own else said  # a call of the client's own ends the answer
    assert len(asked) == len(heard)
    answer = fold(events)
    assert _own_calls(events) == [call for one in heard for call in _own_calls(one)]
    ran = len(heard) - (heard[-1] is said[-1])
    assert _found(answer) == ran
    assert _words(events) == "".join(map(_words, heard))
    counted = [fold(one).usage for one in heard]
    assert (answer.usage.input, answer.usage.output) == (
        sum(usage.input or 0 for usage in counted),
        sum(usage.output or 0 for usage in counted),
    )
    writer = CLIENTS[client].stream_writer(asked[0], STAMP)
    assert wires.BREACHES[client](b"".join(map(writer.feed, events))) == []


def _own_calls(events: list[Event]) -> list[str]:
    """The calls of the client's own tools, by id."""
    parts = [event.part for event in events if isinstance(event, Opened)]
    return [
        part.id for part in parts if isinstance(part, ToolCall) and part.by == "client" and part.name != "web_search"
    ]


def _found(answer: Answer) -> int:
    shown = [part for part in answer.parts if isinstance(part, Searched)]
    return sum(any(hit.url == CITED for hit in part.hits) for part in shown)


def _words(events: list[Event]) -> str:
    texts = {event.block for event in events if isinstance(event, Opened) and isinstance(event.part, Text)}
    return "".join(event.text for event in events if isinstance(event, Grew) and event.block in texts)
