"""Token counts in the Messages dialect: `input_tokens` counts only what touched no cache."""

from typing import Any, Final

from msgspec import Struct

from dragoman.hub.usage import Count, Usage, counts

PRIORITY: Final = "priority"  # the one tier but the usual that has this name everywhere
_TIERS: Final = {"standard": "default", PRIORITY: PRIORITY}  # "batch" has no counterpart


class Said(Struct):
    """What a stream has said of its usage so far: `message_delta` repeats or leaves out what `message_start` said.

    The counts are put together before they are converted: a later `input_tokens` alone would lose the cached ones.
    tier: as OpenAI calls it.
    """

    tier: str | None = None
    _fields: dict[str, Any] = {}

    def updated(self, said: Any) -> Usage | None:
        if not isinstance(said, dict):
            return None
        for key, value in said.items():
            if value is not None:
                self._fields[key] = value
        if type(tier := self._fields.get("service_tier")) is str:
            self.tier = _TIERS.get(tier)
        return read_usage(self._fields)


class _Creation(Struct):
    ephemeral_1h_input_tokens: Count | None = None


class _OutputDetails(Struct):
    thinking_tokens: Count | None = None


class _ServerTools(Struct):
    web_search_requests: Count | None = None
    web_fetch_requests: Count | None = None


class _Told(Struct):
    input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_creation: _Creation | None = None
    output_tokens: Count | None = None
    output_tokens_details: _OutputDetails | None = None
    server_tool_use: _ServerTools | None = None


_NOTHING: Final = Usage()
_NO_CREATION: Final = _Creation()
_NO_DETAILS: Final = _OutputDetails()
_NO_TOOLS: Final = _ServerTools()


def read_usage(said: Any) -> Usage | None:
    """Return None where nothing is said."""
    told = counts(said, _Told)
    fresh, read, written = told.input_tokens, told.cache_read_input_tokens, told.cache_creation_input_tokens
    server = told.server_tool_use or _NO_TOOLS
    usage = Usage(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        cache_read=read,
        cache_written=written,
        cache_written_1h=(told.cache_creation or _NO_CREATION).ephemeral_1h_input_tokens,
        output=told.output_tokens,
        reasoning=(told.output_tokens_details or _NO_DETAILS).thinking_tokens,
        searches=server.web_search_requests,
        fetches=server.web_fetch_requests,
    )
    return None if usage == _NOTHING else usage


def write_usage(usage: Usage, tier: str | None = None) -> dict[str, Any]:
    """Every field of the current schema, always: Claude Code 2.1 rejects an object that lacks one (litellm#24176).

    tier: as OpenAI calls it, which knows more of them.
    """
    hour, written = usage.cache_written_1h or 0, usage.cache_written or 0
    said: dict[str, Any] = {
        "input_tokens": usage.fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cache_read or 0,
        "cache_creation": {"ephemeral_5m_input_tokens": max(0, written - hour), "ephemeral_1h_input_tokens": hour},
        "output_tokens": usage.output or 0,
        "server_tool_use": None,
        "service_tier": PRIORITY if tier == PRIORITY else "standard",
    }
    if usage.reasoning is not None:
        said["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.searches or usage.fetches:
        said["server_tool_use"] = {
            "web_search_requests": usage.searches or 0,
            "web_fetch_requests": usage.fetches or 0,
        }
    return said
