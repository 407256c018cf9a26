"""Calls of tools that take free text, said to clients that know only JSON arguments: `{"input": "the text"}`."""

from typing import Final

from dragoman.wire import jsons

OPENING: Final = '{"input":"'
CLOSING: Final = '"}'


def piece(text: str) -> str:
    """A piece of the text as it stands inside the JSON string."""
    return jsons.write_text(text)[1:-1]


def whole(text: str) -> str:
    return OPENING + piece(text) + CLOSING
