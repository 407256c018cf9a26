"""What every server tool is: a function for the model, and something to be shown to the client."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from msgspec import Struct

from dragoman.hub.request import Fetched, FunctionTool, Searched


class Wishes(Struct, frozen=True):
    """What the client asked of the tool, in whatever dialect. Domains are lower-case host names, some with a path.

    allowed: only these domains and those below them; empty = any. blocked: none of these.
    location: as the dialects say it (`country` as ISO 3166-1 alpha-2, `city`, `region`, `timezone`).
    context: how much of what is found the model is to be told. max_tokens: of a page's text, None = the tool's own limit.
    """

    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    location: dict[str, str] = {}
    context: Literal["low", "medium", "high"] = "medium"
    max_tokens: int | None = None


class Ran(Struct, frozen=True):
    """What one run came to. told: the result as the model reads it. shown: as the client is shown it."""

    told: str
    shown: Searched | Fetched

    @property
    def failed(self) -> bool:
        return self.shown.problem is not None


class ServerTool(Protocol):
    """One tool, made for one model: which services it may use is settled."""

    @property
    def declaration(self) -> FunctionTool:
        """How the model is told of it. The name is also the tool's kind: "web_search", "web_fetch"."""

    async def run(self, arguments: dict[str, Any], wishes: Wishes) -> Ran:
        """Never raises for what goes wrong on the way: a failure is told to the model and shown to the client."""
