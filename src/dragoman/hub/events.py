"""What is being said: an answer as a sequence of events.

The grammar, which every reader keeps and every writer may rely on:

    Began?  ( Opened Grew* Closed | Cited | Running? Showed | Noted )*  ( Ended | Failed )

Blocks are named by numbers that mean nothing but identity; several may be open at once. Writers number on their own
wire by order of opening. Exactly one of Ended and Failed comes, and it comes last. Before Ended every block is closed;
Failed may leave blocks open, for a polite ending would make a client act on half a tool call.

No event has a subclass. Where each of them passes, `type(event) is Grew` says the same as `isinstance` and `match`, and a
no costs an eighth.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, final

from msgspec import Struct

from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Citation,
    Extra,
    Fetched,
    Opaque,
    Refusal,
    Seal,
    Searched,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from dragoman.hub.usage import Usage

# filtered: a content filter cut the answer. refused: the model declined. paused: a server-side tool loop wants to go on.
# context_full: the window ended the answer.
Reason = Literal[
    "stop", "stop_sequence", "length", "context_full", "tool_calls", "refused", "filtered", "paused", "compacted"
]


@final
class Began(Struct, frozen=True):
    """The backend's own id and model name. Clients are told ours. tier: as OpenAI calls it, in which it answers."""

    id: str | None = None
    model: str | None = None
    tier: str | None = None


@final
class Opened(Struct, frozen=True):
    """part: the block as it opens, its text or arguments still empty."""

    block: int
    part: Text | Refusal | Thinking | ToolCall


@final
class Grew(Struct, frozen=True, gc=False):  # the collector need not know: there is nothing in it to follow
    block: int
    text: str


@final
class Closed(Struct, frozen=True):
    """seal: the proof that came with a Thinking block. extra: what not every dialect can say of the block.

    extra["logprobs"]: of each token of a text, as Chat Completions and Responses both say them.
    """

    block: int
    seal: Seal | None = None
    extra: Extra = {}


@final
class Cited(Struct, frozen=True):
    block: int
    citation: Citation


@final
class Showed(Struct, frozen=True):
    """A part that arrives whole."""

    block: int
    part: ToolResult | Opaque | Thinking | Searched | Fetched


@final
class Running(Struct, frozen=True):
    """A tool has begun to run. `Showed` of the same block says what came of it. part: as far as it is known."""

    block: int
    part: Searched | Fetched


@final
class Noted(Struct, frozen=True):
    """Token counts as they become known: cumulative, later ones replace earlier ones."""

    usage: Usage


@final
class Ended(Struct, frozen=True):
    """raw: the backend's own word for the reason. explanation: why the model refused.

    tier: where it is known only now, or another than it was at first.
    """

    reason: Reason
    raw: str | None = None
    stop_sequence: str | None = None
    explanation: str | None = None
    tier: str | None = None


@final
class Failed(Struct, frozen=True):
    problem: Problem


Event: TypeAlias = Began | Opened | Grew | Closed | Cited | Running | Showed | Noted | Ended | Failed
