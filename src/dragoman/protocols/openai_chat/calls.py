"""Which tool call does a delta go on with? Backends do not agree on how they say it."""

import re
from typing import Any, Final

from msgspec import Struct

from dragoman.wire import jsons

_EMPTY: Final = re.compile(r"\s*\{\s*\}\s*\Z")


class Call(Struct):
    """One tool call while it is being said. Its block opens once its name is known.

    index, id, proof: as the backend said them; None = not at all. held: its pieces are an empty object, not yet told.
    """

    block: int
    index: int | None
    id: str | None
    name: str = ""
    pieces: list[str] = []
    held: bool = False
    opened: bool = False
    closed: bool = False
    proof: Any = None

    def hear(self, piece: str) -> str:
        """Add to the arguments. Return what of them can be told.

        Some backends begin with an empty object and say the arguments behind it. So one waits for what follows.
        """
        if self.held or not self.pieces:
            if _EMPTY.match(piece):
                self.pieces, self.held = [piece], True
                return ""
            if self.held and not piece.strip():
                self.pieces[0] += piece
                return ""
            if self.held and not piece.lstrip().startswith("{"):
                piece = self.pieces[0] + piece
            self.pieces, self.held = [], False
        self.pieces.append(piece)
        return piece

    def is_whole(self) -> bool:
        """Whether its arguments are one JSON object. Only what ends in a brace, or in white space behind it, is read."""
        return (
            bool(self.pieces) and self.pieces[-1].rstrip()[-1:] in ("", "}") and jsons.is_object("".join(self.pieces))
        )

    def is_repeated(self, call_id: str | None, piece: str) -> bool:
        """Whether all its arguments are said once more under its id, as LiteLLM does behind the deltas."""
        if call_id is None or call_id != self.id or not self.is_whole() or not jsons.is_object(piece):
            return False
        return bool(jsons.read(piece) == jsons.read("".join(self.pieces)))


def find(calls: list[Call], index: int | None, call_id: str | None, name: str, piece: str) -> Call | None:
    """The call that is meant; None = a new one.

    Seen: a second call on index 0 with an id of its own; id and name in every delta; no index at all (Gemini); no id;
    one id for two calls (Kimi); a second call that differs from the first in nothing but its arguments; a new id in
    every delta.
    """
    if index is None and call_id is None:
        return None if name or not calls else calls[-1]
    for call in reversed(calls):
        if _may_be(call, index, call_id):
            return None if _begins_anew(call, call_id, name, piece) else call
    return None if name else _unfinished(calls, index)


def _unfinished(calls: list[Call], index: int | None) -> Call | None:
    """What a delta without a name goes on with that has an id of its own: a call would begin with its name."""
    for call in reversed(calls):
        if index is not None and call.index == index and call.name and not call.is_whole():
            return call
    return None


def _may_be(call: Call, index: int | None, call_id: str | None) -> bool:
    if index is None:
        return call.id == call_id
    return call.index == index and (call_id is None or call.id is None or call.id == call_id)


def _begins_anew(call: Call, call_id: str | None, name: str, piece: str) -> bool:
    """A name after the arguments began: said again, or another call's?"""
    if not name or not call.name or not call.pieces:
        return False
    if name != call.name:
        return True
    if call.held and call.id is not None:
        return False  # where calls have ids, this one goes on
    return piece.lstrip().startswith("{") and call.is_whole() and not call.is_repeated(call_id, piece)
