"""Work beside the requests. Nobody waits for it, so nobody would see it fail: it is told to the log and goes on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

_log: Final = logging.getLogger("dragoman.chores")
FIRST_PAUSE: Final = 1.0  # seconds; it doubles with every failure
LONGEST_PAUSE: Final = 300.0

Chore: TypeAlias = Callable[[], Awaitable[None]]


async def keep_doing(name: str, chore: Chore, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Do the chore until cancelled. name: as a noun, for the log."""
    pause = FIRST_PAUSE
    while True:
        try:
            await chore()
        except Exception:  # noqa: BLE001 - whatever it is, the chore goes on
            _log.exception("%s failed, and goes on in %g s", name, pause)
        else:
            _log.error("%s ended, and begins again in %g s", name, pause)
        await sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
