"""What every processor is."""

from __future__ import annotations

from typing import Protocol

from dragoman.hub.pipeline import Needs
from dragoman.hub.request import Request
from dragoman.processors.reading import Reading


class Processor(Protocol):
    def wants(self, request: Request, needs: Needs) -> bool:
        """Whether there is anything to do: cheap, and without I/O."""

    async def apply(self, request: Request, needs: Needs, reading: Reading) -> Request:
        """The request with text in the place of what the backend cannot read.

        Never raises a Problem: of what could not be read a note remains, and the request goes on.
        """
