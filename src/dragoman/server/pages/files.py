"""The files that pages are made of, as they lie in `files/`: read once, known by name, and nothing else is served."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parent / "files"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class File(NamedTuple):
    body: bytes
    content_type: str
    etag: str


@functools.cache
def files() -> Mapping[str, File]:
    """Every file by its name. A kind that has no type here is a KeyError, at the start and not at a visitor's."""
    return MappingProxyType({path.name: _read(path) for path in sorted(FOLDER.iterdir()) if path.is_file()})


def _read(path: Path) -> File:
    body = path.read_bytes()
    return File(body, _TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')
