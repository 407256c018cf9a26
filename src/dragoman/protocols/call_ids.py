"""Ids of tool calls: the backend's own, unless it has none or repeats one."""

from typing import Final

from dragoman.hub.request import Request, ToolCall, ToolResult
from dragoman.protocols.codec import Stamp


class CallIds:
    """Gives each call of one answer an id that no other call of the conversation has.

    Seen: no id at all, Kimi's `functions.x:0` in every turn, vLLM's counters. Clients match results to calls by id, and
    the backend never compares, so a repeated id is replaced.
    """

    def __init__(self, request: Request, stamp: Stamp) -> None:
        self._request: Final = request
        self._stamp: Final = stamp
        self._given: set[str] | None = None
        self._minted = 0

    def fresh(self, said: str | None) -> str:
        if self._given is None:
            self._given = _ids_in(self._request)
        call_id = said or self._mint()
        while call_id in self._given:
            call_id = self._mint()
        self._given.add(call_id)
        return call_id

    def _mint(self) -> str:
        self._minted += 1
        return f"call_{self._stamp.id}{self._minted}"


def _ids_in(request: Request) -> set[str]:
    parts = [part for turn in request.turns for part in turn.parts]
    return {part.id for part in parts if isinstance(part, ToolCall)} | {
        part.call_id for part in parts if isinstance(part, ToolResult)
    }
