"""Cache marks: at most four, the long-lived before the short-lived."""

from typing import Any

import pytest

from dragoman.hub.request import Cache
from dragoman.protocols.anthropic_messages.cache_marks import keep_legal, read_cache, write_cache


@pytest.mark.parametrize("cache", [Cache(), Cache("5m"), Cache("1h")])
def test_what_is_written_is_read(cache: Cache) -> None:
    assert read_cache({"cache_control": write_cache(cache)}) == cache


def test_no_mark() -> None:
    assert read_cache({}) is read_cache({"cache_control": None}) is None


def left(*lives: str | None) -> list[str | None]:
    blocks: list[dict[str, Any]] = [{"cache_control": write_cache(Cache(ttl))} for ttl in lives]
    keep_legal(blocks)
    return [block["cache_control"].get("ttl", "5m") if "cache_control" in block else None for block in blocks]


@pytest.mark.parametrize(
    ("lives", "kept"),
    [
        ([], []),
        (["1h", "5m"], ["1h", "5m"]),
        (["5m", "1h"], ["5m", "5m"]),
        ([None, "1h", None], ["5m", "5m", "5m"]),
        (["1h", "1h", None], ["1h", "1h", "5m"]),
        (["1h"] * 4, ["1h"] * 4),
        (["1h", "5m", "1h", "1h", "1h"], ["1h", None, "1h", "1h", "1h"]),
        ([None] * 6, ["5m", None, None, "5m", "5m", "5m"]),
    ],
)
def test_what_the_api_refuses_is_taken_away(lives: list[str | None], kept: list[str | None]) -> None:
    assert left(*lives) == kept
