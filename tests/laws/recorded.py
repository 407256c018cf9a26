"""Recorded answers: our own under tests/transcripts, other vendors' where a developer has them.

The vendors' recordings are other people's data and stay outside the repository: `$DRAGOMAN_TRANSCRIPTS`, or the folder
`../shared/transcripts/vendors` beside the checkout. Without them their tests are skipped, visibly.
"""

import os
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from dragoman.hub.request import Dialect, Request
from dragoman.protocols import BACKENDS
from dragoman.protocols.codec import Stamp
from dragoman.wire import jsons

_ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = _ROOT / "tests" / "transcripts"
VENDORS: Final = Path(os.environ.get("DRAGOMAN_TRANSCRIPTS") or _ROOT.parent / "shared" / "transcripts" / "vendors")
STAMP: Final = Stamp("0123456789abcdef01234567", 1_790_000_000)

_CHAT: Final = ("deepseek", "alibaba", "groq", "xai", "mistral", "moonshotai", "azure")
_MESSAGES: Final = ("anthropic-", "duplicate-message-start")
_RESPONSES: Final = ("openai-", "lmstudio-")
_FAILING: Final = ("openai-error",)  # protocols/openai_responses has tests of its own for it


class Recording(NamedTuple):
    """stream, answer: bytes, empty where not recorded."""

    name: str
    dialect: Dialect
    stream: bytes = b""
    answer: bytes = b""

    @property
    def is_whole(self) -> bool:
        """The answer ends as answers should: it was not cut off, and it is no error."""
        return not self.name.endswith(("-truncated", "-error"))


def request_of(dialect: Dialect = "openai-chat") -> Request:
    """The least that can be asked."""
    return Request(dialect=dialect, model="the-model", turns=(), stream=True)


def ours() -> list[Recording]:
    return [
        Recording(
            f"{folder.parent.name}/{folder.name}",
            _dialect(folder.parent.name),
            _bytes(folder / "stream.sse"),
            _bytes(folder / "answer.json"),
        )
        for folder in sorted(OURS.glob("*/*"))
    ]


def vendors() -> list[Recording]:
    names = sorted({path.name.removesuffix(".json").removesuffix(".chunks.txt") for path in VENDORS.glob("*")})
    found = []
    for name in names:
        dialect = _vendors_dialect(name)
        if dialect is not None and not name.startswith(_FAILING):
            chunks = _bytes(VENDORS / f"{name}.chunks.txt").decode().split("\n")
            stream = _as_stream([chunk for chunk in chunks if chunk.strip()], dialect)
            found.append(Recording(f"vendors/{name}", dialect, stream, _bytes(VENDORS / f"{name}.json")))
    return found


def _vendors_dialect(name: str) -> Dialect | None:
    if name.startswith(_RESPONSES):
        return "openai-responses"
    return "openai-chat" if name.startswith(_CHAT) else "anthropic-messages" if name.startswith(_MESSAGES) else None


def streams() -> list[Recording]:
    return [recording for recording in (*ours(), *vendors()) if recording.stream]


def whole_streams() -> list[Recording]:
    return [recording for recording in streams() if recording.is_whole]


def each(recordings: list[Recording]) -> pytest.MarkDecorator:
    """Parametrise over recordings; where the vendors' are absent, one skipped test says so."""
    absent = pytest.param(
        Recording("vendors", "openai-chat"),
        marks=pytest.mark.skip(reason=f"no vendors' recordings in {VENDORS.name}; set DRAGOMAN_TRANSCRIPTS"),
        id="vendors-absent",
    )
    known = [pytest.param(recording, id=recording.name) for recording in recordings]
    return pytest.mark.parametrize("recording", known if vendors() else [*known, absent])


def _as_stream(chunks: list[str], dialect: Dialect) -> bytes:
    if not chunks:
        return b""
    if dialect == "openai-chat":
        return "".join(f"data: {chunk}\n\n" for chunk in [*chunks, "[DONE]"]).encode()
    return "".join(f"event: {jsons.read(chunk)['type']}\ndata: {chunk}\n\n" for chunk in chunks).encode()


def _dialect(name: str) -> Dialect:
    return next(dialect for dialect in BACKENDS if dialect == name)


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
