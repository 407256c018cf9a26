"""Pieces of text become the text that a person reads."""

from dragoman.workers.layout import Piece, rows_of, text_of

CODE = """\
def find(name: str) -> Ship:
    for ship in ships:
        if ship.name == name:
            return ship

    raise KeyError(name)


class Pier:
    length = 40"""


def pieces(
    text: str, character: float = 9.0, pitch: float = 20.0, left: float = 30.0, top: float = 10.0
) -> list[Piece]:
    """Each run of words as it would be found: a little larger than it is, and a pixel off here and there."""
    found = []
    for number, line in enumerate(text.split("\n")):
        column = 0
        for run in line.split("  "):
            at = column + len(run) - len(run.lstrip())
            if run.strip():
                x, y = left + at * character, top + number * pitch + number % 2
                found.append(
                    Piece(x - 2, y - 2, x + len(run.strip()) * character + 2 + number % 3, y + 0.8 * pitch, run.strip())
                )
            column += len(run) + 2
    return found


def prose(text: str, left: float, top: float = 10.0) -> list[Piece]:
    """In type whose letters differ in width."""
    widths = {"i": 3, "l": 3, "t": 4, " ": 4, "m": 13, "w": 12}
    return [
        Piece(left, top + 20 * n, left + sum(widths.get(letter, 8) for letter in line), top + 16 + 20 * n, line)
        for n, line in enumerate(text.split("\n"))
        if line
    ]


def test_nothing_is_nothing() -> None:
    assert text_of([]) == ""
    assert text_of([Piece(5, 5, 60, 20, "alone")]) == "alone"


def test_code_keeps_its_indents_and_blank_lines() -> None:
    assert text_of(pieces(CODE)) == CODE
    assert text_of(reversed(pieces(CODE, character=14.3, pitch=31))) == CODE


def test_what_stands_in_columns_of_a_terminal_stays_there() -> None:
    listing = "name      size  when\nharbour     12  today\nquay-list  340  last year\nold          7  1871"
    assert text_of(pieces(listing)) == listing


def test_wide_characters_take_two_columns() -> None:
    found = [
        Piece(10 + 10 * indent, 20 * n, 10 + 10 * indent + 10 * cells, 20 * n + 16, text)
        for n, (indent, cells, text) in enumerate(
            [(0, 4, "模型"), (4, 8, "上下文协"), (4, 6, "abc模d"), (0, 10, "helloworld"), (2, 9, "any thing")]
        )
    ]
    assert text_of(found) == "模型\n    上下文协\n    abc模d\nhelloworld\n  any thing"


LEFT = "\n".join(f"the first column has a line of number {n}, and it" for n in range(8))
RIGHT = "\n".join(f"while the second column goes on with {n} in a row" for n in range(8))


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    both = prose(LEFT, 10) + prose(RIGHT, 420)
    assert text_of(both) == f"{LEFT}\n\n{RIGHT}"
    uneven = prose(LEFT, 10) + prose(RIGHT, 420, top=19)
    assert text_of(uneven) == f"{LEFT}\n\n{RIGHT}"


def test_what_stands_above_and_below_columns_comes_first_and_last() -> None:
    title, note = "All about columns and what is written into them, at length", "A note at the bottom of it"
    page = prose(title, 150) + prose(LEFT, 10, 50) + prose(RIGHT, 420, 50) + prose(note, 300, 250)
    assert text_of(page) == f"{title}\n\n{LEFT}\n\n{RIGHT}\n\n{note}"


def test_cells_of_a_table_stay_in_their_row() -> None:
    names, tons = ["Eleanor", "will", "Mimi", "it", "Swallow", "tilt"], ["412", "88", "1204", "7", "31", "100"]
    table = [piece for n, name in enumerate(names) for piece in prose(name, 10, 10 + 20 * n)]
    table += [piece for n, weight in enumerate(tons) for piece in prose(weight, 300, 10 + 20 * n)]
    rows = [tuple(line.split()) for line in text_of(table).split("\n")]
    assert rows == list(zip(names, tons, strict=True))


def test_paragraphs_are_apart() -> None:
    assert text_of(prose("the first of them\nwith two lines\n\n\nthe last one will\nbe here", 10)) == (
        "the first of them\nwith two lines\n\n\nthe last one will\nbe here"
    )


def test_rows_are_what_stands_side_by_side() -> None:
    low, high = Piece(100, 14, 150, 30, "b"), Piece(10, 10, 90, 26, "a")
    below, touching = Piece(10, 27, 90, 43, "c"), Piece(148, 12, 180, 28, "d")
    assert rows_of([below, touching, low, high]) == [[high, low, touching], [below]]
