"""Pictures are what their bytes say, upright and within their limits. Inside the process of the tests."""

import io
from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.workers.jobs import Drawn

Image = pytest.importorskip("PIL.Image", reason="needs the extra `pdf`")
from dragoman.workers import pictures  # noqa: E402
from tests.workers import drawn  # noqa: E402
from tests.workers.drawn import Picture  # noqa: E402

LARGE = 10**7


def half(left: str, right: str, mode: str = "RGB", size: tuple[int, int] = (80, 40)) -> Picture:
    picture: Picture = Image.new(mode, size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    return picture


def fitted(data: bytes, longest_side: int = 1_000, max_bytes: int = LARGE) -> tuple[Any, Drawn, bytes]:
    [(reply, written)] = pictures.fit(data, longest_side, max_bytes)
    assert isinstance(reply, Drawn)
    picture = Image.open(io.BytesIO(written))
    picture.load()
    assert Image.MIME[picture.format] == reply.media_type
    assert picture.size == (reply.width, reply.height)
    assert max(picture.size) <= longest_side
    assert len(written) <= max_bytes
    return picture, reply, written


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_what_fits_is_left_as_it_is(kind: str) -> None:
    data = drawn.written(half("red", "blue"), kind)
    assert fitted(data)[2] == data


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "AVIF"])
def test_what_models_do_not_take_becomes_what_they_take(kind: str) -> None:
    picture, reply, _ = fitted(drawn.written(half("red", "blue"), kind))
    assert reply.media_type in {"image/png", "image/jpeg"}
    assert picture.convert("RGB").getpixel((5, 5))[0] > 240


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_that_is_too_large_becomes_smaller(kind: str) -> None:
    _, reply, _ = fitted(drawn.written(half("red", "blue", size=(3_000, 1_500)), kind), 500)
    assert reply == Drawn(f"image/{kind.lower()}", 500, 250)


def test_a_photograph_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    out = io.BytesIO()
    half("red", "blue").save(out, "JPEG", exif=exif, quality=95)
    picture, reply, _ = fitted(out.getvalue())
    assert (reply.width, reply.height) == (40, 80)
    assert picture.getpixel((20, 5))[0] > 200  # red is on top
    assert picture.getpixel((20, 75))[2] > 200


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_what_moves_it_is_the_first_frame(kind: str) -> None:
    out = io.BytesIO()
    half("red", "red").save(out, kind, save_all=True, append_images=[half("blue", "blue")], lossless=True)
    picture, reply, _ = fitted(out.getvalue())
    assert reply.media_type == "image/png"
    assert not getattr(picture, "is_animated", False)
    assert picture.convert("RGB").getpixel((5, 5))[:1] == (255,)


def test_transparency_is_kept_where_there_is_some() -> None:
    clear = half("red", "blue", "RGBA", (2_000, 1_000))
    clear.putpixel((0, 0), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 0), (0, 0, 500, 500))
    picture, _, _ = fitted(drawn.written(clear), 500)
    assert picture.mode == "RGBA"
    assert picture.getpixel((5, 5))[3] == 0
    assert fitted(drawn.written(half("red", "blue", "RGBA", (2_000, 1_000))), 500)[0].mode == "RGB"
    flat = pictures.on_white(clear)
    assert (flat.mode, flat.getpixel((5, 5)), flat.getpixel((700, 700))) == ("RGB", (255, 255, 255), (255, 0, 0))


@pytest.mark.parametrize(
    ("mode", "colour", "kind"),
    [("L", 128, "PNG"), ("1", 1, "PNG"), ("P", 3, "PNG"), ("LA", (9, 9), "PNG"), ("CMYK", (0, 99, 99, 0), "JPEG")],
)
def test_every_mode_is_understood(mode: str, colour: object, kind: str) -> None:
    picture, _, _ = fitted(drawn.written(Image.new(mode, (900, 600), colour), kind), 300)
    assert picture.size == (300, 200)


def test_sixteen_bits_become_eight() -> None:
    grey = Image.new("I;16", (900, 600), 32_768)
    picture, _, _ = fitted(drawn.written(grey), 300)
    assert (picture.mode, picture.getpixel((9, 9))) == ("L", 128)


def test_few_bytes_are_kept_to_at_the_price_of_the_picture() -> None:
    noise = Image.effect_noise((900, 900), 90)
    for most in (200_000, 20_000, 2_000):
        _, reply, _ = fitted(drawn.written(noise), 900, most)
        assert reply.media_type == "image/jpeg"
    with pytest.raises(Problem, match="cannot be made smaller"):
        fitted(drawn.written(noise), 900, 10)


def test_a_bomb_is_not_decoded() -> None:
    bomb = drawn.written(Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 100_000
    with pytest.raises(Problem, match="64 million pixels"):
        pictures.opened(bomb)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n" + b"\0" * 99])
def test_what_is_no_picture_is_said(data: bytes) -> None:
    with pytest.raises(Problem, match=r"no picture|damaged"):
        fitted(data)


@pytest.mark.parametrize(("kind", "longest_side"), [("JPEG", 300), ("PNG", 300), ("PNG", 1_000)])
def test_a_picture_that_was_cut_off_is_said(kind: str, longest_side: int) -> None:
    data = drawn.written(Image.effect_noise((900, 900), 90), kind)
    with pytest.raises(Problem, match="damaged"):
        fitted(data[: len(data) // 2], longest_side)
