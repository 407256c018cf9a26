"""Prompt-cache marks of the Messages API: at most four, those of an hour before those of five minutes."""

from typing import Final

from dragoman.hub.request import Cache
from dragoman.protocols import fields
from dragoman.protocols.fields import Object, WrongFieldError

MARK: Final = frozenset({"type", "ttl"})
_MOST: Final = 4


def read_cache(of: Object) -> Cache | None:
    mark = of.get("cache_control")
    if mark is None:
        return None
    try:
        return Cache(fields.maybe_string(fields.object_(of, "cache_control"), "ttl"))
    except WrongFieldError as wrong:
        raise wrong.inside("cache_control") if wrong.path == "ttl" else wrong from None


def write_cache(cache: Cache) -> Object:
    return {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}


def keep_legal(marked: list[Object]) -> None:
    """Take away what the API would refuse. marked: blocks with a mark, in the order tools, system, messages.

    Of too many marks the first stays, which covers tools and system prompt, and the last ones, which cover most.
    """
    for block in marked[1 : 1 + len(marked) - _MOST] if len(marked) > _MOST else ():
        del block["cache_control"]
    short = False
    for block in marked:
        mark = block.get("cache_control")
        if mark is None:
            continue
        if mark.get("ttl") != "1h":
            short = True
        elif short:
            block["cache_control"] = write_cache(Cache())
