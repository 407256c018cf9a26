"""Keeps waiting clients company: one ticker for all streams, not one task for each."""

import asyncio
import functools
import time
from typing import Final

from dragoman.gateway.responder import Responder


class Pulses:
    """Each second, whoever has said nothing for `every` seconds says a filler."""

    def __init__(self) -> None:
        self._waiting: Final[set[Responder]] = set()
        self._saying: Final[dict[Responder, asyncio.Task[None]]] = {}
        self.every = 10.0
        # From the one to the other it is kept company. They are the set's own: each exchange calls both.
        self.keep_company: Final = self._waiting.add
        self.leave: Final = self._waiting.discard

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(1)
            self.tick(time.monotonic())

    def tick(self, now: float) -> None:
        if self.every <= 0:
            return
        for responder in list(self._waiting):
            # A client that reads nothing has its last filler before it, and needs no other.
            if now - responder.last_said >= self.every and responder not in self._saying:
                responder.last_said = now
                # A task of its own: such a client must not hold up the others.
                task = asyncio.get_running_loop().create_task(responder.keep_alive())
                self._saying[responder] = task
                task.add_done_callback(functools.partial(self._said, responder))

    def _said(self, responder: Responder, task: asyncio.Task[None]) -> None:
        del self._saying[responder]
        if not task.cancelled():
            task.exception()  # the client is gone; its own exchange finds out
