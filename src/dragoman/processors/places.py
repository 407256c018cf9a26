"""Where in a request there is something to read, and the request with something else in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from dragoman.hub.request import Document, Image, Nested, Opaque, Part, Request, Text, ToolCall, ToolResult, Turn

_replace: Final = msgspec.structs.replace
_LONGEST_QUESTION: Final = 1_000  # characters

# What OpenCode (1.18) says where a tool has brought what messages of tools cannot hold.
_BROUGHT: Final = frozenset({"Attached media from tool result:"})

Wanted: TypeAlias = Callable[[Part], bool]
# By the identity of a part: what stands in its place from now on.
Replacements: TypeAlias = Mapping[int, tuple[Part, ...]]


class Place(Struct, frozen=True):
    """path: of the turn, as the client spells it. question: what the user says beside it.

    of_tool: a tool has brought it, the user has not.
    """

    part: Part
    path: str
    of_tool: bool
    question: str


def holds_anything(request: Request) -> bool:
    """Whether there is an image or a document in it: most requests hold none, and all are asked."""
    for turn in request.turns:
        for part in turn.parts:
            kind = type(part)
            if kind is Image or kind is Document:
                return True
            if kind is ToolResult:
                for piece in part.parts:  # type: ignore[union-attr] # mypy does not narrow by `kind`
                    if type(piece) is Image or type(piece) is Document:
                        return True
            elif kind is Opaque and part.holds:  # type: ignore[union-attr]
                return True
    return False


def has(request: Request, wanted: Wanted) -> bool:
    """Every request of a model that cannot see or read is looked through so: hence loops, and kinds before matches."""
    for turn in request.turns:  # noqa: SIM110 - a generator would be one thing more to make
        if _holds(turn.parts, wanted):
            return True
    return False


def _holds(parts: tuple[Part, ...], wanted: Wanted) -> bool:
    for part in parts:
        kind = type(part)
        if kind is Text or kind is ToolCall:
            continue
        if wanted(part) or (
            (kind is ToolResult or kind is Document or kind is Opaque) and _holds(_inside(part), wanted)
        ):
            return True
    return False


def find(request: Request, wanted: Wanted) -> Iterator[Place]:
    """The places in the order in which they stand in the conversation."""
    for turn in request.turns:
        yield from _places(turn.parts, turn, wanted, of_tool=False)


def _places(parts: tuple[Part, ...], turn: Turn, wanted: Wanted, *, of_tool: bool) -> Iterator[Place]:
    for part in parts:
        if type(part) is Text:
            continue
        if wanted(part):
            question = "" if of_tool else question_in(turn.parts)
            if question in _BROUGHT:
                yield Place(part, turn.path, of_tool=True, question="")
            else:
                yield Place(part, turn.path, of_tool, question)
        elif inside := _inside(part):
            yield from _places(inside, turn, wanted, of_tool=of_tool or isinstance(part, ToolResult | Opaque))


def _inside(part: Part) -> tuple[Part, ...]:
    match part:
        case ToolResult(parts=parts) | Document(source=Nested(parts=parts)) | Opaque(holds=parts):
            return parts
        case _:
            return ()


def question_in(parts: Iterable[Part]) -> str:
    """What the user asks in this turn. Agents put reminders and labels of their own beside it, in angle brackets."""
    said = [part.text.strip() for part in parts if isinstance(part, Text)]
    asked = [text for text in said if text and not text.startswith("<")]
    return asked[-1][:_LONGEST_QUESTION] if asked else ""


def with_(request: Request, replacements: Replacements) -> Request:
    if not replacements:
        return request
    turns = tuple(_turn(turn, replacements) for turn in request.turns)
    return _replace(request, turns=turns)


def _turn(turn: Turn, replacements: Replacements) -> Turn:
    parts = _parts(turn.parts, replacements)
    return turn if parts is turn.parts else _replace(turn, parts=parts)


def _parts(parts: tuple[Part, ...], replacements: Replacements) -> tuple[Part, ...]:
    changed = False
    done: list[Part] = []
    for part in parts:
        new = replacements.get(id(part)) or (_part(part, replacements),)
        changed = changed or len(new) != 1 or new[0] is not part
        done += new
    return tuple(done) if changed else parts


def _part(part: Part, replacements: Replacements) -> Part:
    inside = _inside(part)
    if not inside or (parts := _parts(inside, replacements)) is inside:
        return part
    if isinstance(part, ToolResult):
        return _replace(part, parts=parts)
    if isinstance(part, Opaque):
        return _replace(part, holds=parts)
    assert isinstance(part, Document)
    return _replace(part, source=Nested(parts))


def in_place_of(part: Image | Document, texts: Iterable[str | Image]) -> tuple[Part, ...]:
    """Text where the part stood, with the marks that the part had: they say what of the prompt is worth caching."""
    parts: list[Part] = [Text(text) if isinstance(text, str) else text for text in texts]
    if isinstance(part, Document) and part.context:
        parts.insert(0, Text(f"[{part.context}]"))
    marks = {name: part.extra[name] for name in _MARKS if name in part.extra}
    last = parts[-1]
    assert isinstance(last, Text), "a note or a closing tag comes last"
    return (*parts[:-1], _replace(last, cache=part.cache, extra=marks))


_MARKS: Final = ("cache_control", "prompt_cache_breakpoint")
