"""The bytes of a picture or a document: known by a key before anybody has to look at them."""

import asyncio
import base64
import binascii
from typing import Final
from urllib.parse import unquote, urlsplit

from dragoman.hub.problems import Problem
from dragoman.hub.request import Inline, Link
from dragoman.processors.ports import Loaded, Ports
from dragoman.store.results import key_of

_SLICE: Final = 3 * 2**16  # bytes or characters, of which neither three nor four are cut: some 2 ms of work
_PDF: Final = b"%PDF-"
_HEAD: Final = 1024  # bytes within which a PDF begins, as readers forgive it


class Content:
    """Loaded once a request at most, and not at all where all that is wanted of it is known already.

    key: what its results are kept under. A link's are those of its address: what it leads to is taken to stay.
    """

    def __init__(self, source: Inline | Link, key: str, ports: Ports) -> None:
        self.key: Final = key
        self._source: Final = source
        self._ports: Final = ports
        self._loading = asyncio.Lock()
        self._loaded: Loaded | None = None

    @classmethod
    async def of(cls, source: Inline | Link, ports: Ports) -> "Content":
        if isinstance(source, Link):
            return cls(source, await key_of("url", source.url), ports)
        return cls(source, await key_of("data", source.data), ports)

    @property
    def is_link(self) -> bool:
        return isinstance(self._source, Link)

    async def load(self) -> Loaded:
        """Raise Problem if it cannot be had."""
        async with self._loading:
            if self._loaded is None:
                self._loaded = await self._load()
            return self._loaded

    async def _load(self) -> Loaded:
        if isinstance(self._source, Link):
            return await self._ports.fetch(self._source.url)
        said = self._source.data
        return Loaded(self._source.media_type, await decoded(said))


async def decoded(data: str) -> bytes:
    """The bytes of base64. Raise Problem if it is none."""
    try:
        return _decode(data) if len(data) < _SLICE else await asyncio.to_thread(_decode, data)
    except (binascii.Error, ValueError):
        raise Problem("bad_request", "its data is not base64") from None


async def encoded(data: bytes) -> str:
    """As base64."""
    return _encode(data) if len(data) < _SLICE else await asyncio.to_thread(_encode, data)


def _decode(data: str) -> bytes:
    """In slices: each holds up all other threads while it lasts, the event loop's among them."""
    data = "".join(data.split())
    return b"".join(base64.b64decode(data[start : start + _SLICE]) for start in range(0, len(data), _SLICE))


def _encode(data: bytes) -> str:
    return b"".join(
        binascii.b2a_base64(data[at : at + _SLICE], newline=False) for at in range(0, len(data), _SLICE)
    ).decode()


def is_pdf(data: bytes) -> bool:
    return _PDF in data[:_HEAD]


def name_in(url: str) -> str:
    """The file's name at the end of a URL; "" where there is none."""
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError:
        return ""
