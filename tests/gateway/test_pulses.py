"""One ticker for all: whoever has said nothing for long enough says a filler."""

import asyncio
import time

import pytest

from dragoman.gateway.call import ClientGoneError
from dragoman.gateway.pulses import Pulses
from dragoman.gateway.responder import Responder
from tests.gateway.stage import run
from tests.gateway.told import Told
from tests.net.scripted import until


def waiting(pulses: Pulses) -> tuple[Responder, Told]:
    told = Told()
    responder = Responder(told, "req_1")
    responder.pulse = lambda: b"still here"
    responder.last_said = 100.0
    pulses.keep_company(responder)
    return responder, told


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_filler_is_said_after_silence_and_not_before() -> None:
    async def main() -> None:
        pulses = Pulses()
        pulses.every = 10
        responder, told = waiting(pulses)
        pulses.tick(109.9)
        await settled()
        assert told.pieces == []
        pulses.tick(110.0)
        pulses.tick(110.5)  # once per silence
        await settled()
        assert told.pieces == [b"still here"]
        assert responder.started

    run(main)


def test_who_speaks_needs_no_filler() -> None:
    async def main() -> None:
        pulses = Pulses()
        responder, told = waiting(pulses)
        await responder.stream(b"words")
        pulses.tick(responder.last_said + 9)
        await settled()
        assert told.pieces == [b"words"]

    run(main)


def test_nobody_is_kept_company_who_has_left_or_ended_or_wants_none() -> None:
    async def main() -> None:
        pulses = Pulses()
        left, left_told = waiting(pulses)
        pulses.leave(left)
        pulses.leave(left)
        ended, ended_told = waiting(pulses)
        await ended.stream(b"")
        ended.end()
        quiet, quiet_told = waiting(pulses)
        quiet.pulse = None
        pulses.tick(float("inf"))
        await settled()
        assert (left_told.pieces, quiet_told.pieces, ended_told.pieces) == ([], [], [])

    run(main)


@pytest.mark.parametrize("every", [0, -1])
def test_fillers_can_be_turned_off(every: float) -> None:
    async def main() -> None:
        pulses = Pulses()
        pulses.every = every
        _, told = waiting(pulses)
        pulses.tick(float("inf"))
        await settled()
        assert told.pieces == []

    run(main)


def test_a_client_that_reads_nothing_holds_up_nobody_else() -> None:
    async def main() -> None:
        pulses = Pulses()
        _, stuck = waiting(pulses)
        stuck.reads.clear()
        _, fine = waiting(pulses)
        pulses.tick(1000.0)
        await settled()
        assert (fine.pieces, len(pulses._saying)) == ([b"still here"], 1)
        stuck.reads.set()
        await settled()
        assert (stuck.pieces, len(pulses._saying)) == ([b"still here"], 0)

    run(main)


def test_a_client_that_reads_nothing_for_hours_collects_no_fillers() -> None:
    async def main() -> None:
        pulses = Pulses()
        _, stuck = waiting(pulses)
        stuck.reads.clear()
        begun = time.monotonic()
        for tick in range(1, 720):
            pulses.tick(begun + tick * 10)
            await settled()
        assert (stuck.pieces, len(pulses._saying)) == ([b"still here"], 1)
        stuck.reads.set()
        await settled()
        pulses.tick(begun + 7210)
        await settled()
        assert stuck.pieces == [b"still here"] * 2

    run(main)


def test_a_client_that_is_gone_is_its_exchanges_business(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        pulses = Pulses()
        _, told = waiting(pulses)

        def gone(_: bytes) -> bool:
            raise ClientGoneError

        monkeypatch.setattr(told, "write", gone)
        pulses.tick(1000.0)
        await settled()
        assert not pulses._saying
        assert told.pieces == []

    run(main)


def test_a_filler_that_is_given_up_is_nobodys_error() -> None:
    async def main() -> None:
        pulses = Pulses()
        _, stuck = waiting(pulses)
        stuck.reads.clear()
        pulses.tick(1000.0)
        await settled()
        for task in list(pulses._saying.values()):
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
