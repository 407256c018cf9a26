"""Workers come when there is work and go when there is none; the work that is too much is refused."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from dragoman.hub.problems import Problem
from dragoman.workers.crew import Crew
from dragoman.workers.jobs import Opened, ReadPdf
from dragoman.workers.worker import Worker
from tests.net.scripted import until
from tests.workers.hands import is_there, pids, trade

pytest.importorskip("pypdfium2", reason="needs the extra `pdf`")
from tests.workers import made

SHORT: Final = made.document([made.said("a ledger")])
ENDLESS: Final = made.document([b"/X0 Do"], forms=made.nested(29))


def run(act: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(act())  # type: ignore[arg-type]


async def work(crew: Crew, data: bytes = SHORT) -> int:
    """Return the process that has done it."""
    async with crew.hired() as worker:
        return await work_of(worker, data)


async def work_of(worker: Worker, data: bytes) -> int:
    replies = [reply async for reply, _ in worker.ask(ReadPdf(1, 9), data)]
    assert isinstance(replies[0], Opened)
    return worker.pid


def test_one_worker_does_job_after_job() -> None:
    async def main() -> None:
        crew = Crew(trade())
        assert pids(crew) == []
        first = await work(crew)
        assert await work(crew) == first
        await crew.close()
        assert not is_there(first)

    run(main)


def test_workers_work_side_by_side() -> None:
    async def main() -> None:
        crew = Crew(trade(workers=2))
        async with crew.hired() as one, crew.hired() as other:
            assert await work_of(one, SHORT) != await work_of(other, SHORT)
        assert len(pids(crew)) == 2
        await crew.close()

    run(main)


def test_a_worn_worker_is_replaced() -> None:
    async def main() -> None:
        crew = Crew(trade(jobs=2))
        assert len({await work(crew) for _ in range(5)}) == 3
        await crew.close()

    run(main)


def test_an_idle_worker_is_let_go() -> None:
    async def main() -> None:
        crew = Crew(trade(idle=0.01))
        pid = await work(crew)
        await until(lambda: not is_there(pid))
        assert pids(crew) == []
        assert await work(crew) != pid
        await crew.close()

    run(main)


def test_a_worker_that_ended_by_itself_costs_nothing() -> None:
    async def main() -> None:
        crew = Crew(trade())
        pid = await work(crew)
        [worker] = crew._idle
        os.kill(pid, signal.SIGKILL)
        await until(lambda: worker.has_ended)
        assert await work(crew) != pid
        await crew.close()

    run(main)


def test_a_worker_killed_at_work_costs_that_job() -> None:
    async def main() -> None:
        crew = Crew(trade(memory=4_096, cpu=60))
        working = asyncio.ensure_future(work(crew, ENDLESS))
        await until(lambda: bool(pids(crew)))
        [pid] = pids(crew)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Problem) as raised:
            await working
        assert raised.value.private == "ended by SIGKILL"
        assert await work(crew) != pid
        assert not is_there(pid)
        await crew.close()

    run(main)


def test_who_leaves_takes_the_worker_along() -> None:
    async def main() -> None:
        crew = Crew(trade(memory=4_096, cpu=60))
        working = asyncio.ensure_future(work(crew, ENDLESS))
        await until(lambda: bool(pids(crew)))
        [pid] = pids(crew)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert await work(crew) != pid
        await until(lambda: not is_there(pid))
        await crew.close()

    run(main)


def test_too_much_work_is_refused() -> None:
    async def main() -> None:
        crew = Crew(trade(), most_waiting=1)
        async with crew.hired() as worker:
            waiting = asyncio.ensure_future(work(crew))
            await asyncio.sleep(0)
            with pytest.raises(Problem) as raised:
                await work(crew)
            assert (raised.value.kind, raised.value.retry_after) == ("overloaded", 2.0)
            await work_of(worker, SHORT)
        assert await waiting == worker.pid
        await crew.close()

    run(main)


def test_the_end_ends_what_is_under_way() -> None:
    async def main() -> None:
        crew = Crew(trade(memory=4_096, cpu=60))
        working = asyncio.ensure_future(work(crew, ENDLESS))
        waiting = asyncio.ensure_future(work(crew))
        await until(lambda: bool(pids(crew)))
        [pid] = pids(crew)
        await crew.close()
        assert not is_there(pid)
        for task in (working, waiting):
            with pytest.raises(Problem):
                await task
        await crew.close()
        assert pids(crew) == []

    run(main)
