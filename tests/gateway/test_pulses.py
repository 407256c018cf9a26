"""One ticker for all: whoever has said nothing for long enough says a filler."""

import asyncio
from typing import Any

import pytest

from dragoman.gateway.pulses import Pulses
from dragoman.gateway.responder import Responder
from tests.gateway.stage import run
from tests.net.scripted import until


class Wire:
    """Where a responder writes; it takes nothing while `open` is not set."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: Any) -> None:
        await self.open.wait()
        self.said.append(message)

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.said if message["type"] == "http.response.body"]


def waiting(pulses: Pulses) -> tuple[Responder, Wire]:
    wire = Wire()
    responder = Responder(wire.send, "req_1", lambda: None)
    responder.pulse = lambda: b"still here"
    responder.last_said = 100.0
    pulses.keep_company(responder)
    return responder, wire


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_filler_is_said_after_silence_and_not_before() -> None:
    async def main() -> None:
        pulses = Pulses()
        pulses.every = 10
        responder, wire = waiting(pulses)
        pulses.tick(109.9)
        await settled()
        assert wire.said == []
        pulses.tick(110.0)
        pulses.tick(110.5)  # once per silence
        await settled()
        assert wire.bodies == [b"still here"]
        assert responder.started

    run(main)


def test_who_speaks_needs_no_filler() -> None:
    async def main() -> None:
        pulses = Pulses()
        responder, wire = waiting(pulses)
        await responder.stream(b"words")
        pulses.tick(responder.last_said + 9)
        await settled()
        assert wire.bodies == [b"words"]

    run(main)


def test_nobody_is_kept_company_who_has_left_or_ended_or_wants_none() -> None:
    async def main() -> None:
        pulses = Pulses()
        left, wire_of_left = waiting(pulses)
        pulses.leave(left)
        pulses.leave(left)
        ended, wire_of_ended = waiting(pulses)
        await ended.stream(b"")
        await ended.end()
        quiet, wire_of_quiet = waiting(pulses)
        quiet.pulse = None
        pulses.tick(float("inf"))
        await settled()
        assert (wire_of_left.said, wire_of_quiet.said, len(wire_of_ended.bodies)) == ([], [], 1)

    run(main)


@pytest.mark.parametrize("every", [0, -1])
def test_fillers_can_be_turned_off(every: float) -> None:
    async def main() -> None:
        pulses = Pulses()
        pulses.every = every
        _, wire = waiting(pulses)
        pulses.tick(float("inf"))
        await settled()
        assert wire.said == []

    run(main)


def test_a_client_that_reads_nothing_holds_up_nobody_else() -> None:
    async def main() -> None:
        pulses = Pulses()
        _, stuck = waiting(pulses)
        stuck.open.clear()
        _, fine = waiting(pulses)
        pulses.tick(1000.0)
        await settled()
        assert (stuck.bodies, fine.bodies) == ([], [b"still here"])
        stuck.open.set()
        await settled()
        assert stuck.bodies == [b"still here"]

    run(main)


def test_a_client_that_is_gone_is_its_exchanges_business() -> None:
    async def main() -> None:
        pulses = Pulses()
        responder, wire = waiting(pulses)

        async def gone(_: Any) -> None:
            raise OSError("gone")

        responder._send = gone  # type: ignore[misc]
        pulses.tick(1000.0)
        await settled()
        assert not pulses._saying
        assert wire.said == []

    run(main)


def test_a_filler_that_is_given_up_is_nobodys_error() -> None:
    async def main() -> None:
        pulses = Pulses()
        _, stuck = waiting(pulses)
        stuck.open.clear()
        pulses.tick(1000.0)
        await settled()
        for task in list(pulses._saying):
            task.cancel()
        await settled()
        assert not pulses._saying

    run(main)


def test_it_ticks_until_it_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        pulses = Pulses()
        ticks: list[float] = []
        monkeypatch.setattr(pulses, "tick", ticks.append)
        real = asyncio.sleep
        monkeypatch.setattr(asyncio, "sleep", lambda _: real(0))
        task = asyncio.get_running_loop().create_task(pulses.run())
        await until(lambda: len(ticks) > 2)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    run(main)
