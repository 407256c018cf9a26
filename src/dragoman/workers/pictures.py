"""Pictures, inside a worker: what they are, upright, and no larger than a model takes them."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from dragoman.hub.problems import Problem
from dragoman.workers.jobs import Drawn, Reply

_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
# What every API that takes pictures takes.
_TAKEN: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_MAX_PIXELS: Final = 64_000_000
_QUALITIES: Final = (88, 75, 60, 40)  # of JPEG, as far as is needed
_SMALLER: Final = 0.7  # the sides, if that does not do
_UPRIGHT: Final = 1  # EXIF's orientation
_ORIENTATION: Final = 0x0112

warnings.simplefilter("error", Image.DecompressionBombWarning)
Image.MAX_IMAGE_PIXELS = _MAX_PIXELS


def opened(data: bytes) -> Image.Image:
    """The picture, not decoded yet. Raise Problem if it is none, or so large that decoding it would be an attack."""
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Problem("too_large", f"the picture has more than {_MAX_PIXELS // 10**6} million pixels") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Problem("bad_request", "it is no picture of a known kind", private=repr(error)) from None


def fit(data: bytes, longest_side: int, max_bytes: int) -> Iterator[tuple[Reply, bytes]]:
    picture = opened(data)
    kind = _TAKEN.get(picture.format or "")
    with _decoding():
        is_fit = len(data) <= max_bytes and max(picture.size) <= longest_side and _is_plain(picture)
    if kind and is_fit:
        yield Drawn(kind, *picture.size), data
        return
    was_photo = picture.format in {"JPEG", "AVIF"}
    picture = upright(picture, longest_side)
    yield _written(picture, max_bytes, was_photo=was_photo)


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, SyntaxError) as error:
        raise Problem("bad_request", "the picture is damaged, or was cut off", private=repr(error)) from None


def _is_plain(picture: Image.Image) -> bool:
    return not getattr(picture, "is_animated", False) and picture.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT


def upright(picture: Image.Image, longest_side: int) -> Image.Image:
    """The first frame as it is meant to be seen, in grey or in colour, with an alpha channel where it needs one."""
    with _decoding():
        picture.draft("RGB", (longest_side, longest_side))  # a large JPEG is not decoded in full
        picture = _plain(ImageOps.exif_transpose(picture))
    if max(picture.size) > longest_side:
        picture.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    return picture


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits a pixel, of which PIL would cut off all above 8
        return picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        return picture if picture.getchannel("A").getextrema()[0] != 255 else picture.convert("RGB")
    return picture if picture.mode in {"L", "RGB"} else picture.convert("L" if picture.mode == "1" else "RGB")


def on_white(picture: Image.Image) -> Image.Image:
    """Without its alpha channel."""
    if picture.mode != "RGBA":
        return picture
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return white.convert("RGB")


def png(picture: Image.Image, level: int = 1) -> bytes:
    """level: of compression. The first is four times as fast as the usual one."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=level)
    return out.getvalue()


def _written(picture: Image.Image, max_bytes: int, *, was_photo: bool) -> tuple[Drawn, bytes]:
    """PNG for what was drawn, JPEG for photographs and for what is too large otherwise."""
    if not was_photo and len(written := png(picture, 6)) <= max_bytes:
        return Drawn("image/png", *picture.size), written
    flat = on_white(picture)
    while True:
        for quality in _QUALITIES:
            out = io.BytesIO()
            flat.save(out, "JPEG", quality=quality)
            if out.tell() <= max_bytes:
                return Drawn("image/jpeg", *flat.size), out.getvalue()
        if max(flat.size) == 1:
            raise Problem("too_large", f"the picture cannot be made smaller than {max_bytes} bytes")
        width, height = flat.size
        flat = flat.resize((max(1, int(width * _SMALLER)), max(1, int(height * _SMALLER))))
