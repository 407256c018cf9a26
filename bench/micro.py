"""Times the codecs alone: CPU us per event read or written, CPU ms per MiB of request. See README.md.

Every measure runs in a process of its own and is the best of many repeats: what the code costs when nothing disturbs it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import process_time
from typing import NamedTuple, TypeAlias

import bodies

try:
    from dragoman.hub.events import Began, Closed, Ended, Event, Grew, Noted, Opened
    from dragoman.hub.losses import Losses
    from dragoman.hub.request import Dialect, Request, Text, Turn
    from dragoman.hub.route import Backend, Profile, Route, Secret
    from dragoman.hub.usage import Usage
    from dragoman.protocols import BACKENDS, CLIENTS
    from dragoman.protocols.codec import BackendSide, ClientSide, Stamp
    from dragoman.wire import jsons
    from dragoman.wire.sse import SSEReader
except ImportError as missing:
    sys.exit(f"bench: {missing}: run this with the Python that has Dragoman, .venv/bin/python bench/micro.py")

DELTAS = 1000
SIZE = 2**20
REPEATS = 15
LONG_ENOUGH = 0.03  # CPU seconds one repeat takes at least

Work: TypeAlias = Callable[[], object]


class Measure(NamedTuple):
    """prepare: makes what is timed. scale: from seconds a call to the group's unit."""

    group: str
    title: str
    prepare: Callable[[], Work]
    scale: float


def measures() -> Iterator[Measure]:
    per_event, per_mib = 1e6 / DELTAS, 1e3
    for dialect, client in CLIENTS.items():
        for together in (1, 16):
            title = f"{dialect}, {together} in a read"
            yield Measure("Frames: us per event", title, partial(_frames, client, together), per_event)
    for dialect, backend in BACKENDS.items():
        for together in (1, 16):
            title = f"{dialect}, {together} in a read"
            yield Measure("Read from a backend: us per event", title, partial(_read, backend, together), per_event)
    for dialect, client in CLIENTS.items():
        yield Measure("Written to a client: us per event", dialect, partial(_write, client), per_event)
    for dialect, backend in BACKENDS.items():
        yield Measure("Listened to while relayed: us per event", dialect, partial(_tap, backend), per_event)
    for dialect, client in CLIENTS.items():
        for backend in BACKENDS.values():
            if dialect != backend.dialect:
                title = f"{dialect} to {backend.dialect}"
                yield Measure("Request: ms per MiB", title, partial(_request, client, backend), per_mib)
        yield Measure("Request: ms per MiB", f"{dialect}, relayed", partial(_patch, client), per_mib)


def _stamp() -> Stamp:
    return Stamp("0" * 24, 1_763_800_000)


def _asked(dialect: Dialect) -> Request:
    turn = Turn(role="user", parts=(Text("Tell me a story."),))
    return Request(dialect=dialect, model="mock", turns=(turn,), stream=True)


def _story() -> list[Event]:
    grown = [Grew(0, f' the {number}th word, "quoted"\n') for number in range(DELTAS)]
    usage = Usage(input=123, output=DELTAS)
    return [Began("answer", "mock"), Opened(0, Text("")), *grown, Closed(0), Noted(usage), Ended("stop")]


def _spoken(client: ClientSide, together: int) -> list[bytes]:
    """The story as the dialect's own writer says it, some events to a read."""
    writer = client.stream_writer(_asked(client.dialect), _stamp())
    said = [spoken for event in _story() if (spoken := writer.feed(event))]
    return [b"".join(said[at : at + together]) for at in range(0, len(said), together)]


def _frames(client: ClientSide, together: int) -> Work:
    reads = _spoken(client, together)

    def work() -> int:
        reader = SSEReader()
        return sum(len(reader.feed(data)) for data in reads)

    assert work() >= DELTAS
    return work


def _read(backend: BackendSide, together: int) -> Work:
    reads = _spoken(CLIENTS[backend.dialect], together)
    request = _asked(backend.dialect)

    def work() -> list[Event]:
        reader = backend.stream_reader(request, Profile(), _stamp())
        heard = [event for data in reads for event in reader.feed(data)]
        return heard + reader.finish()

    heard = work()
    assert sum(isinstance(event, Grew) for event in heard) == DELTAS
    assert isinstance(heard[-1], Ended)
    return work


def _write(client: ClientSide) -> Work:
    request, story = _asked(client.dialect), _story()

    def work() -> None:
        writer = client.stream_writer(request, _stamp())
        for event in story:
            writer.feed(event)

    return work


def _tap(backend: BackendSide) -> Work:
    reads = _spoken(CLIENTS[backend.dialect], 1)

    def work() -> bool:
        tap = backend.tap()
        for data in reads:
            tap.feed(data)
        return tap.ended

    assert work()
    return work


def _request(client: ClientSide, backend: BackendSide) -> Work:
    body = bodies.agent_request(client.dialect, SIZE)
    place = Backend(url="http://127.0.0.1:9000/v1", key=Secret(""), dialect=backend.dialect)
    route = Route(model="mock", backend_model="mock", backends=(place,))

    def work() -> bytes:
        request = client.read_request(body, {})
        losses = Losses()
        client.note_losses(request, losses)
        return backend.write_request(request, route, place, losses)

    assert len(work()) > SIZE / 2
    return work


def _patch(client: ClientSide) -> Work:
    body = bodies.agent_request(client.dialect, SIZE)
    return lambda: jsons.patch(jsons.members(body), {"model": "other"})


def best(work: Work) -> float:
    """CPU seconds of one call, the best of the repeats. The garbage collector runs as it does in the proxy."""
    calls, took = 1, _timed(work, 1)
    while took < LONG_ENOUGH:
        calls *= 2
        took = _timed(work, calls)
    return min(_timed(work, calls) for _ in range(REPEATS)) / calls


def _timed(work: Work, calls: int) -> float:
    begun = process_time()
    for _ in range(calls):
        work()
    return process_time() - begun


def _alone(at: int) -> float:
    """The measure's value, from a fresh process."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", str(at)]
    value: float = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return value


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/micro.py", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="measures whose name holds this")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    wish = parser.parse_args()
    known = list(measures())
    if wish.one is not None:
        chosen = known[wish.one]
        print(best(chosen.prepare()) * chosen.scale)
        return
    if not known:
        sys.exit("bench: dragoman.protocols names no codec, so there is nothing to time")
    group = ""
    for at, measure in enumerate(known):
        if wish.only not in f"{measure.group} {measure.title}":
            continue
        if measure.group != group:
            group = measure.group
            print(group)
        print(f"  {measure.title:42}{_alone(at):8.2f}", flush=True)


if __name__ == "__main__":
    main()
