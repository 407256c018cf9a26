"""Images and files as the dialects carry them: data URLs, base64, and what the bytes really are."""

import base64
import binascii
from typing import Final
from urllib.parse import unquote_to_bytes

from dragoman.hub.request import Inline, Link

# First bytes of the image types every vision API takes. Clients mislabel: a PNG named image/jpeg is a 400 at Anthropic.
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_HEAD_CHARACTERS: Final = 24


def sniffed(media_type: str, data: str) -> str:
    """Return the media type the base64 `data` really has, or `media_type` where its first bytes tell nothing."""
    try:
        head = base64.b64decode(data[:_HEAD_CHARACTERS])
    except (binascii.Error, ValueError):
        return media_type
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return media_type


def source(url: str) -> Inline | Link:
    """Return what an image or file URL points at: the bytes of a data URL, else a link."""
    if url[:5].lower() != "data:":
        return Link(url)
    head, _, data = url[5:].partition(",")
    media_type, *parameters = head.split(";")
    if "base64" not in parameters:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return Inline(sniffed(media_type or "text/plain", data), data)


def text(of: Inline) -> str | None:
    """The text that the bytes are, None if they are none."""
    try:
        return base64.b64decode(of.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def url(of: Inline | Link) -> str:
    """The inverse of `source`."""
    return of.url if isinstance(of, Link) else f"data:{of.media_type};base64,{of.data}"
