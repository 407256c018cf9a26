"""Which agent is calling? Its `User-Agent` says so, in its own way."""

import functools
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_LONGEST: Final = 60  # characters
_PRODUCT: Final = re.compile(r"([^\s/()]{1,60})(?:/([\w.+-]{1,60}))?")
# Product -> the name people know. In lower case, the longest that fits counts.
_NAMES: Final = {
    "claude-cli": "Claude Code",
    "claude-code": "Claude Code",
    "codex": "Codex",
    "opencode": "OpenCode",
    "qwencode": "Qwen Code",
    "qwen-code": "Qwen Code",
    "anthropic": "Anthropic SDK",
    "openai": "OpenAI SDK",
    "asyncopenai": "OpenAI SDK",
    "asyncanthropic": "Anthropic SDK",
}


class Caller(NamedTuple):
    """name: as people know it, or as it calls itself; "" = it does not say. version: "" = not known."""

    name: str
    version: str


def caller(headers: Mapping[str, str]) -> Caller:
    said = headers.get("user-agent", "")
    return _caller(said[: 3 * _LONGEST], is_claude_code="x-claude-code-session-id" in headers)


@functools.lru_cache(maxsize=256)
def _caller(said: str, *, is_claude_code: bool) -> Caller:
    found = _PRODUCT.match(said)
    if found is None:
        return Caller("", "")
    product, version = found[1], found[2] or ""
    if product == "claude-cli" and not is_claude_code and version.startswith("0."):
        return Caller("Qwen Code", version)  # 0.24 calls itself so where it speaks Messages
    if not product.isprintable():
        return Caller("", "")
    return Caller(_known(product.lower()) or product[:_LONGEST], version)


def _known(product: str) -> str | None:
    """`codex_cli_rs`, `codex_exec` and `codex-tui` are all Codex."""
    words = re.split(r"[_]", product)[0]
    return _NAMES.get(product) or _NAMES.get(words) or _NAMES.get(words.partition("-")[0])
