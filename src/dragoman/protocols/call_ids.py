"""Ids of tool calls: the backend's own, unless it has none or repeats one; and their tools' names."""

from msgspec import Struct

from dragoman.hub.request import Request, ToolCall, ToolResult
from dragoman.protocols import tool_names
from dragoman.protocols.codec import Stamp


class CallIds(Struct):
    """Gives each call of one answer an id that no other call of the conversation has.

    Seen: no id at all, Kimi's `functions.x:0` in every turn, vLLM's counters. Clients match results to calls by id, and
    the backend never compares, so a repeated id is replaced.
    """

    request: Request
    stamp: Stamp
    _given: set[str] | None = None  # as the names, found out with the first call
    _minted: int = 0
    _names: dict[str, str] | None = None

    def name(self, said: str) -> str:
        """The name the client knows the tool by, which may have been shortened for the backend."""
        if self._names is None:
            self._names = tool_names.originals(self.request.tools)
        return self._names.get(said, said)

    def fresh(self, said: str | None) -> str:
        given, call_id = self._known(), said or self._mint()
        while call_id in given:
            call_id = self._mint()
        given.add(call_id)
        return call_id

    def hold(self, said: str) -> None:
        """Something else has this id, which is shown as it is: no call gets it from now on."""
        self._known().add(said)

    def _known(self) -> set[str]:
        if self._given is None:
            self._given = _ids_in(self.request)
        return self._given

    def _mint(self) -> str:
        self._minted += 1
        return f"call_{self.stamp.id}{self._minted}"


def _ids_in(request: Request) -> set[str]:
    parts = [part for turn in request.turns for part in turn.parts]
    return {part.id for part in parts if isinstance(part, ToolCall)} | {
        part.call_id for part in parts if isinstance(part, ToolResult)
    }
