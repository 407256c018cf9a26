"""OCR by RapidOCR, whose wheel holds its models: where there is text, and what it says.

Both are asked apart. The detector sees text of about seventeen pixels best: larger it tears apart at the spaces, smaller
it loses. So it is asked again with the picture at another size, and pieces of one line are put together before they are
read, which is what brings their spaces back.
"""

import functools
import itertools
import math
import statistics
from typing import Any, Final, NamedTuple

import numpy as np
from PIL import Image

from dragoman.hub.problems import Problem
from dragoman.workers.layout import Piece, rows_of, text_of

_PARAMETERS: Final[dict[str, Any]] = {
    "Global.log_level": "error",
    "Global.use_cls": False,
    "Global.max_side_len": 1_000_000,  # sizes are ours to choose
    "Det.limit_type": "max",
    "Det.limit_side_len": 1_000_000,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}
_FIRST_LOOK: Final = 960  # pixels of the longer side
_SEEN_BEST: Final = 17.0  # pixels high, as the detector frames a line
_SEEN_WELL: Final = (12.0, 22.0)
_MAX_SEEN: Final = 2_500_000  # pixels that the detector is shown; it takes some 300 bytes for each
_STRAIGHT: Final = 0.4  # degrees
_LONG: Final = 5.0  # times as wide as high: what tells how the page lies
_GAP: Final = 0.45  # of the height, between pieces of one line
_TALL: Final = 1.7  # times as high as wide: a screenshot of a whole page, which is read band by band
_BAND: Final = 1.3  # times as high as wide
_CALM: Final = 0.2  # of a band, where it may end
_DOUBTFUL: Final = 0.5  # how sure the engine is of what it reads; below, it is no text
_UPSIDE_DOWN: Final = 0.8  # how sure it is of lines that stand on their feet
_SAMPLE: Final = 4  # lines to try


class _Frames(NamedTuple):
    """Where lines are, in the picture's own pixels. degrees: how far they lie askew. seen: their height as it was seen."""

    places: list[Piece]
    degrees: float
    seen: float


def read(picture: Image.Image) -> str:
    width, height = picture.size
    if height <= _TALL * width or height <= _FIRST_LOOK:
        return text_of(_read(picture))
    if _lie_on_their_side(_framed(picture, _FIRST_LOOK / height)):
        return read(picture.transpose(Image.Transpose.ROTATE_90))
    cuts = _cuts(picture)
    return text_of(
        piece._replace(top=top + piece.top, bottom=top + piece.bottom)
        for top, bottom in itertools.pairwise(cuts)
        for piece in _read(picture.crop((0, top, width, bottom)))
    )


def _cuts(picture: Image.Image) -> list[int]:
    """Where to cut a tall picture into bands: where nothing is written."""
    width, height = picture.size
    edges = np.asarray(picture.convert("L"), dtype=np.int16)
    unrest = np.abs(np.diff(edges, axis=1)).sum(axis=1)  # of each row of pixels
    band = max(int(_BAND * width), _FIRST_LOOK // 2)
    cuts = [0]
    while height - cuts[-1] > _TALL / _BAND * band:
        latest = cuts[-1] + band
        earliest = latest - int(_CALM * band)
        cuts.append(earliest + int(unrest[earliest:latest].argmin()) + 1)
    return [*cuts, height]


def _read(picture: Image.Image) -> list[Piece]:
    picture, places = _straightened(picture)
    lines = [line for row in rows_of(places) for line in _joined(row)]
    if _stands_on_its_head(picture, lines):
        return _read(picture.rotate(180))
    return [piece for line in lines if (piece := _said(picture, line)) is not None]


def _straightened(picture: Image.Image) -> tuple[Image.Image, list[Piece]]:
    """The picture with its lines level, and where they are."""
    frames = _framed(picture, _FIRST_LOOK / max(picture.size))
    if not frames.places and max(picture.size) > _FIRST_LOOK:
        frames = _framed(picture, 1.0)  # what is written may be very small
    if not frames.places:
        return picture, []
    if _lie_on_their_side(frames):
        return _straightened(picture.transpose(Image.Transpose.ROTATE_90))
    if abs(frames.degrees) > _STRAIGHT:
        picture = picture.rotate(frames.degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=_ground(picture))
    elif _SEEN_WELL[0] <= frames.seen <= _SEEN_WELL[1]:
        return picture, frames.places
    scale = _FIRST_LOOK / max(picture.size) * _SEEN_BEST / frames.seen
    return picture, _framed(picture, scale).places


def _lie_on_their_side(frames: _Frames) -> bool:
    shapes = [place.height / place.width for place in frames.places]
    return len(shapes) > 1 and statistics.median(shapes) > 1


def _framed(picture: Image.Image, scale: float) -> _Frames:
    """Where the detector finds lines. scale: at which it is shown the picture, as far as there is room for it."""
    scale = min(scale, math.sqrt(_MAX_SEEN / (picture.width * picture.height)))
    shown = picture.resize((max(32, round(picture.width * scale)), max(32, round(picture.height * scale))))
    boxes = _engine()(_pixels(shown), use_det=True, use_cls=False, use_rec=False).boxes
    if boxes is None or not len(boxes):
        return _Frames([], 0.0, 0.0)
    across, down = picture.width / shown.width, picture.height / shown.height
    places = [
        Piece(left * across, top * down, right * across, bottom * down, "")
        for (left, top), (right, bottom) in zip(boxes.min(axis=1).tolist(), boxes.max(axis=1).tolist(), strict=True)
    ]
    edges = boxes[:, 1] - boxes[:, 0]  # the upper one of each
    sides = np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)
    is_long = np.linalg.norm(edges, axis=1) > _LONG * sides
    tilts = np.degrees(np.arctan2(edges[is_long, 1], edges[is_long, 0]))
    return _Frames(places, float(np.median(tilts)) if len(tilts) else 0.0, float(np.median(sides)))


def _ground(picture: Image.Image) -> tuple[int, int, int]:
    """The colour that most of it has. picture: in RGB."""
    colours = np.asarray(picture.resize((64, 64), Image.Resampling.NEAREST)).reshape(-1, 3)
    found, counts = np.unique(colours, axis=0, return_counts=True)
    red, green, blue = found[counts.argmax()].tolist()
    return red, green, blue


def _joined(row: list[Piece]) -> list[Piece]:
    """The places of one row as lines: what stands close together is one."""
    lines = row[:1]
    for place in row[1:]:
        last = lines[-1]
        if place.left - last.right > _GAP * min(place.height, last.height):
            lines.append(place)
        else:
            top, bottom = min(last.top, place.top), max(last.bottom, place.bottom)
            lines[-1] = Piece(last.left, top, max(last.right, place.right), bottom, "")
    return lines


def _stands_on_its_head(picture: Image.Image, lines: list[Piece]) -> bool:
    """Whether lines are read with more certainty the other way round."""
    longest = sorted(lines, key=lambda line: line.width, reverse=True)[:_SAMPLE]
    crops = [picture.crop(line[:4]) for line in longest]
    certain = sum(_recognised(crop)[1] for crop in crops)
    return certain < _UPSIDE_DOWN * len(crops) and certain < sum(_recognised(crop.rotate(180))[1] for crop in crops)


def _said(picture: Image.Image, line: Piece) -> Piece | None:
    text, certain = _recognised(picture.crop(line[:4]))
    return line._replace(text=text) if text and certain >= _DOUBTFUL else None


def _recognised(crop: Image.Image) -> tuple[str, float]:
    """What stands there, and how certain that is."""
    found = _engine()(_pixels(crop), use_det=False, use_cls=False, use_rec=True)
    return (found.txts[0].strip(), float(found.scores[0])) if found.txts else ("", 0.0)


def _pixels(picture: Image.Image) -> Any:
    """As the engine takes them: blue first."""
    return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])


@functools.cache
def _engine() -> Any:
    """Raise Problem if its models are not where they belong: it would fetch them, and a worker has no network."""
    from rapidocr import RapidOCR  # noqa: PLC0415 - takes a second
    from rapidocr.utils.download_file import DownloadFileException  # noqa: PLC0415

    try:
        engine = RapidOCR(params=_PARAMETERS)
        engine(np.full((64, 64, 3), 255, np.uint8), use_det=True, use_cls=False, use_rec=False)
        engine(np.full((48, 64, 3), 255, np.uint8), use_det=False, use_cls=False, use_rec=True)
    except (DownloadFileException, OSError) as error:
        remedy = "pip install --force-reinstall 'dragoman[ocr]'"
        raise Problem(
            "unsupported", f"the models of the OCR are missing: {remedy}", private=repr(error)[:500]
        ) from None
    return engine
