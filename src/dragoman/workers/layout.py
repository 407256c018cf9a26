"""From pieces of text and where they stand to the text as a person reads it: rows, columns, indents, blank lines.

Columns of prose are read one after the other; the cells of a table stay in their row. Where all characters are equally
wide, as in code and on terminals, each piece stands where it stood.
"""

import itertools
import statistics
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

_SAME_ROW: Final = 0.5  # of its height that a piece shares with others of its row, and of its width with none
_NEAR: Final = 4  # rows above, where a piece may belong
_GUTTER: Final = 1.0  # of the usual height: what lies between columns
_COLUMN_ROWS: Final = 4
_COLUMN_PIECE: Final = 8.0  # times as wide as high: lines of prose are, cells of tables are not
_BLANK_LINE: Final = 1.6  # of the usual distance between rows
_MOST_BLANK_LINES: Final = 2
_FEW: Final = 4  # pieces, which tell nothing about their type
_UNEVEN: Final = 0.6  # of a character, by which the width of a piece may be off where all are equally wide
_BETWEEN_CELLS: Final = "  "


class Piece(NamedTuple):
    """A run of text in one row. Pixels from the left and from the top."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def width(self) -> float:
        return self.right - self.left


Row = list[Piece]


def text_of(pieces: Iterable[Piece]) -> str:
    """The pieces in the order of reading."""
    return "\n\n".join(_block(block) for block in _blocks(rows_of(pieces)))


def rows_of(pieces: Iterable[Piece]) -> list[Row]:
    """From the top, each from the left. No two pieces of a row stand above one another."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda piece: piece.top + piece.bottom):
        fitting = [row for row in rows[-_NEAR:] if all(_is_beside(piece, other) for other in row)]
        if fitting:
            max(fitting, key=lambda row: _shared(piece, row[-1])).append(piece)
        else:
            rows.append([piece])
    return [sorted(row) for row in rows]


def _is_beside(one: Piece, other: Piece) -> bool:
    across = min(one.right, other.right) - max(one.left, other.left)  # frames are a little larger than what is in them
    return across < _SAME_ROW * min(one.width, other.width) and _shared(one, other) > _SAME_ROW * min(
        one.height, other.height
    )


def _shared(one: Piece, other: Piece) -> float:
    """Height that both are in."""
    return min(one.bottom, other.bottom) - max(one.top, other.top)


def _blocks(rows: list[Row]) -> list[list[Row]]:
    """Cut columns of prose apart, what stands above and below them first and last."""
    run = _run_of_columns(rows)
    if run is None:
        return [rows] if rows else []
    first, last, gutter = run
    left = [[piece for piece in row if piece.right <= gutter] for row in rows[first:last]]
    right = [[piece for piece in row if piece.left >= gutter] for row in rows[first:last]]
    return [
        *_blocks(rows[:first]),
        *_blocks([row for row in left if row]),
        *_blocks([row for row in right if row]),
        *_blocks(rows[last:]),
    ]


def _run_of_columns(rows: list[Row]) -> tuple[int, int, float] | None:
    """The longest run of rows that are two columns: from, to, and a line that none of its pieces crosses."""
    best: tuple[int, int, float] | None = None
    for gutter in sorted(_gutters(rows)):
        first = 0
        for number in range(len(rows) + 1):
            if number < len(rows) and not any(piece.left < gutter < piece.right for piece in rows[number]):
                continue
            longest = 0 if best is None else best[1] - best[0]
            if number - first > longest and _are_columns(rows[first:number], gutter):
                best = (first, number, gutter)
            first = number + 1
    return best


def _gutters(rows: list[Row]) -> set[float]:
    """Lines that may be one: in the middle of what is free between two pieces of a row, or of a row and the next."""
    usual = statistics.median([piece.height for row in rows for piece in row] or [0.0])
    return {
        round((left.right + right.left) / 2)
        for row, following in itertools.pairwise([*rows, []])
        for left, right in itertools.pairwise(sorted(row + following))
        if right.left - left.right > _GUTTER * usual
    }


def _are_columns(rows: list[Row], gutter: float) -> bool:
    left = [piece for row in rows for piece in row if piece.right <= gutter]
    right = [piece for row in rows for piece in row if piece.left >= gutter]
    return all(
        len(side) >= _COLUMN_ROWS and statistics.median(piece.width / piece.height for piece in side) >= _COLUMN_PIECE
        for side in (left, right)
    )


def _block(rows: list[Row]) -> str:
    pitch = _pitch(rows)
    character = _character([piece for row in rows for piece in row])
    margin = min(piece.left for row in rows for piece in row)
    lines = [_line(rows[0], margin, character)]
    for above, row in itertools.pairwise(rows):
        gap = (row[0].top + row[0].bottom - above[0].top - above[0].bottom) / 2
        if pitch and gap > _BLANK_LINE * pitch:
            lines += [""] * min(_MOST_BLANK_LINES, max(1, round(gap / pitch) - 1))
        lines.append(_line(row, margin, character))
    return "\n".join(lines)


def _pitch(rows: list[Row]) -> float:
    """The usual distance from row to row; 0 if there is but one."""
    middles = [(row[0].top + row[0].bottom) / 2 for row in rows]
    return statistics.median([low - high for high, low in itertools.pairwise(middles)] or [0.0])


def _line(row: Row, margin: float, character: float | None) -> str:
    """character: its width, where all have the same."""
    if character is None:
        return _BETWEEN_CELLS.join(piece.text for piece in row)
    line = ""
    for piece in row:
        line += " " * max(round((piece.left - margin) / character) - _cells(line), 1 if line else 0)
        line += piece.text
    return line


def _character(pieces: Sequence[Piece]) -> float | None:
    """The width of a character, None where they differ: widths are then no straight line over numbers of characters."""
    if len(pieces) < _FEW:
        return None
    counts = [_cells(piece.text) for piece in pieces]
    if len(set(counts)) < _FEW:
        return None
    slope, start = statistics.linear_regression(counts, [piece.width for piece in pieces])
    off = [abs(start + slope * count - piece.width) for count, piece in zip(counts, pieces, strict=True)]
    return slope if slope > 0 and statistics.median(off) < _UNEVEN * slope else None


def _cells(text: str) -> int:
    """How many columns of a terminal it takes: two for each of East Asia's wide characters."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
