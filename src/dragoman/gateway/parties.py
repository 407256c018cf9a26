"""Who takes part in one exchange: the caller, his dialect, the house, the one who answers, and the one who writes it down."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from dragoman.config.snapshot import Snapshot
from dragoman.gateway.call import Call
from dragoman.gateway.entry import Entry
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.responder import Responder
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request
from dragoman.protocols.codec import ClientSide

_LARGE: Final = 2**18  # bytes: some 3 ms of reading
HUGE: Final = 2**20  # bytes: some 15 ms, so that a thread reads and writes it, and other streams go on


class Parties(Struct, frozen=True):
    call: Call
    client: ClientSide
    gateway: Gateway
    snapshot: Snapshot
    responder: Responder
    entry: Entry

    async def read_request(self, body: bytes) -> Request:
        """Read the client's request. After a large one others have their turn before it is written anew."""
        self.entry.read_bytes = len(body)
        read = self.client.read_request
        if len(body) > HUGE:
            request = await asyncio.to_thread(read, body, self.call.headers)
        else:
            request = read(body, self.call.headers)
        self.entry.session = request.session or ""
        if len(body) > _LARGE:
            await asyncio.sleep(0)
        return request

    def keep_company(self, pulse: Callable[[], bytes], failure: Callable[[Problem], bytes]) -> None:
        """The answer is a stream: from now on fillers are said in silence, and a problem inside it if need be."""
        self.responder.pulse, self.responder.failure = pulse, failure
        self.gateway.pulses.keep_company(self.responder)

    def describe(self, losses: Losses, more: Iterable[tuple[str, str]] = ()) -> None:
        """Tell the client which model answers, and what could not be said to it. Once, when it is sure to answer.

        more: headers of the backend's that concern it.
        """
        headers = [("x-dragoman-model", self.entry.backend_model), *more]
        if losses.noted:
            self.entry.lost(losses)
            if lost := losses.header():
                headers.append(("x-dragoman-loss", lost))
        self.responder.add_headers(headers)
