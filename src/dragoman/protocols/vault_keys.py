"""What an assistant's message is known by when its client sends it back, without the reasoning it dropped.

Chat clients echo the text and the calls with their ids. They may put white space and the arguments' JSON differently
(the AI SDK reads arguments and writes them anew), so neither counts here. `store/vault.py` keeps what these keys find.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from dragoman.hub.answer import Answer, Said
from dragoman.hub.request import Part, Text, ToolCall, Turn
from dragoman.protocols import arguments
from dragoman.wire import jsons

# A shorter text without a call is said too often to be known by: "Done." may stand in another conversation, and its
# reasoning would come along. No backend asks for the reasoning of such a turn.
_SHORTEST_TEXT: Final = 64


def keys_of(turn: Turn) -> tuple[str, ...]:
    """Return the keys of an assistant's turn, the most telling first; none for other turns and for what says too little."""
    return _keys(turn.parts) if turn.role == "assistant" else ()


def keys_of_answer(answer: Answer) -> tuple[str, ...]:
    """The same for an answer as the client is told it: with the names and ids that it hears."""
    return _keys(answer.parts)


def _keys(parts: Sequence[Part] | Sequence[Said]) -> tuple[str, ...]:
    """By all that was said, then by the id of each call: ids alone are not unique with every backend."""
    calls = [part for part in parts if isinstance(part, ToolCall) and part.by == "client"]
    text = "".join("".join(part.text for part in parts if isinstance(part, Text)).split())
    if not calls and len(text) < _SHORTEST_TEXT:
        return ()
    return (_digest(text, calls), *dict.fromkeys(f"call:{call.id}" for call in calls))


def _digest(text: str, calls: Iterable[ToolCall]) -> str:
    said = jsons.write([text, [[call.id, call.name, _arguments(call)] for call in calls]])
    return f"said:{hashlib.sha256(said).hexdigest()}"


def _arguments(call: ToolCall) -> object:
    """What is said, not how it is spelled. Free text reaches a Chat client as `{"input": ...}` or as it is."""
    if call.kind == "custom":
        return {"input": call.arguments}
    found = arguments.as_object(call.arguments)
    return call.arguments.strip() if found is None else found
