"""What flows on a client's connection, either way, and whether more of it may at the moment."""

import asyncio
from typing import Final


class Flow:
    """held: we read no more for now. slow: the client has not read what waits for it already."""

    __slots__ = ("_room", "_transport", "held", "slow")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport: Final = transport
        self._room: Final = asyncio.Event()
        self._room.set()
        self.held = False
        self.slow = False

    @property
    def closed(self) -> bool:
        """Whether nothing that is written will be heard any more."""
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():  # else whoever was to hear it has gone
            self._transport.write(data)

    def hold(self) -> None:
        """Read no more: what has come is not wanted yet."""
        if not self.held:
            self.held = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read."""
        if self.held and not self._transport.is_closing():
            self.held = False
            self._transport.resume_reading()

    def full(self) -> None:
        """The client does not keep up."""
        self.slow = True
        self._room.clear()

    def free(self) -> None:
        """There is room again, or nobody left to whom it matters."""
        self.slow = False
        self._room.set()

    async def room(self) -> None:
        """Wait until the client has room for more."""
        await self._room.wait()
