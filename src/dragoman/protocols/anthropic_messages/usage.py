"""Token counts in the Messages dialect: `input_tokens` counts only what touched no cache."""

from typing import Any

from dragoman.hub.usage import Usage, count


class Said:
    """What a stream has said of its usage so far: `message_delta` repeats or leaves out what `message_start` said.

    The counts are put together before they are converted: a later `input_tokens` alone would lose the cached ones.
    """

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}

    def updated(self, said: Any) -> Usage | None:
        if not isinstance(said, dict):
            return None
        self._fields |= {key: value for key, value in said.items() if value is not None}
        return read_usage(self._fields)


def read_usage(said: Any) -> Usage | None:
    """Return None where nothing is said."""
    if not isinstance(said, dict):
        return None
    fresh, read = count(said.get("input_tokens")), count(said.get("cache_read_input_tokens"))
    written = count(said.get("cache_creation_input_tokens"))
    creation, details = _object(said, "cache_creation"), _object(said, "output_tokens_details")
    server = _object(said, "server_tool_use")
    usage = Usage(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        cache_read=read,
        cache_written=written,
        cache_written_1h=count(creation.get("ephemeral_1h_input_tokens")),
        output=count(said.get("output_tokens")),
        reasoning=count(details.get("thinking_tokens")),
        searches=count(server.get("web_search_requests")),
        fetches=count(server.get("web_fetch_requests")),
    )
    return None if usage == Usage() else usage


def write_usage(usage: Usage) -> dict[str, Any]:
    """Every field of the current schema, always: Claude Code 2.1 rejects an object that lacks one (litellm#24176)."""
    hour, written = usage.cache_written_1h or 0, usage.cache_written or 0
    said: dict[str, Any] = {
        "input_tokens": usage.fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cache_read or 0,
        "cache_creation": {"ephemeral_5m_input_tokens": max(0, written - hour), "ephemeral_1h_input_tokens": hour},
        "output_tokens": usage.output or 0,
        "server_tool_use": None,
        "service_tier": "standard",
    }
    if usage.reasoning is not None:
        said["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.searches or usage.fetches:
        said["server_tool_use"] = {
            "web_search_requests": usage.searches or 0,
            "web_fetch_requests": usage.fetches or 0,
        }
    return said


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}
