"""What is slow is waited for, and what is not wanted is not read."""

import asyncio

from dragoman.server.flow import Flow
from tests.gateway.stage import run
from tests.server.wires import Wire


def test_reading_stops_and_goes_on_once() -> None:
    async def main() -> None:
        wire = Wire()
        flow = Flow(wire)
        flow.go_on()
        flow.hold()
        flow.hold()
        flow.go_on()
        flow.go_on()
        assert wire.done == ["pause_reading", "resume_reading"]

    run(main)


def test_what_is_closed_is_neither_read_nor_written() -> None:
    async def main() -> None:
        wire = Wire()
        flow = Flow(wire)
        flow.hold()
        wire.close()
        flow.go_on()
        flow.write(b"a")
        assert (wire.done, wire.written) == (["pause_reading", "close"], [])

    run(main)


def test_all_who_wait_for_room_hear_of_it() -> None:
    async def main() -> None:
        flow = Flow(Wire())
        await flow.room()
        flow.full()
        waiting = [asyncio.ensure_future(flow.room()) for _ in range(2)]
        await asyncio.sleep(0)
        assert flow.slow
        assert not any(each.done() for each in waiting)
        waiting[0].cancel()  # one who gives up takes nobody along
        flow.free()
        await waiting[1]
        assert not flow.slow

    run(main)
