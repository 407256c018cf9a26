"""What a worker is asked, and what it replies; how both travel through its pipes.

A frame is two lengths, a message in msgpack and the bytes that belong to it (a document, a picture), which are never
copied into the message. Each job has any number of replies, the last of which is `Done` or `Refused`.
"""

import struct
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from dragoman.hub.problems import Kind


class Page(Struct, frozen=True):
    """number: from 1. scanned: it shows something that is not text, and has no text worth the name: OCR may find some.

    problem: why it could not be read, in words for a note; such a page has no text.
    """

    number: int
    text: str = ""
    scanned: bool = False
    problem: str = ""


class Pdf(Struct, frozen=True):
    """total: pages of the whole document. pages: those that were asked for, as far as the limits go."""

    total: int
    title: str
    pages: tuple[Page, ...]


class Picture(Struct, frozen=True):
    """width, height: in pixels."""

    media_type: str
    data: bytes
    width: int
    height: int


class ReadPdf(Struct, frozen=True, tag=True):
    """first, last: pages, from 1."""

    first: int
    last: int


class RenderPage(Struct, frozen=True, tag=True):
    page: int
    dpi: int


class FitPicture(Struct, frozen=True, tag=True):
    longest_side: int
    max_bytes: int


class ReadText(Struct, frozen=True, tag=True):
    engine: str


Job: TypeAlias = ReadPdf | RenderPage | FitPicture | ReadText


class Opened(Struct, frozen=True, tag=True):
    """A PDF that can be read."""

    total: int
    title: str


class PageRead(Struct, frozen=True, tag=True):
    page: Page


class Drawn(Struct, frozen=True, tag=True):
    """A picture, but for its bytes, which follow."""

    media_type: str
    width: int
    height: int


class TextRead(Struct, frozen=True, tag=True):
    text: str


class Done(Struct, frozen=True, tag=True):
    """There are no more replies to this job."""


class Refused(Struct, frozen=True, tag=True):
    """The job cannot be done. public, private: as in a Problem. worn: the worker is not fit for another one."""

    kind: Kind
    public: str
    private: str = ""
    worn: bool = False


Reply: TypeAlias = Opened | PageRead | Drawn | TextRead | Done | Refused

HEAD: Final = struct.Struct(">II")  # lengths of the message and of what follows it
_write: Final = msgspec.msgpack.Encoder().encode
read_job: Final = msgspec.msgpack.Decoder(Job).decode
read_reply: Final = msgspec.msgpack.Decoder(Reply).decode


def frame(message: Job | Reply, more: bytes = b"") -> bytes:
    """A frame but for `more`, which is to be written after it."""
    written = _write(message)
    return HEAD.pack(len(written), len(more)) + written
