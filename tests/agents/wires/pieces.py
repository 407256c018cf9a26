"""Text cut as models say it."""

import re


def words(text: str) -> list[str]:
    return re.findall(r"\S+\s*", text)


def pieces(text: str, size: int = 12) -> list[str]:
    """Cut every `size` characters, across words: so do backends with the arguments of tool calls."""
    return [text[start : start + size] for start in range(0, len(text), size)]
