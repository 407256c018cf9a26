"""A table while it is read: the line goes into its cells, and comes back as it was."""

from dragoman.tools.pages.tables import Table


def test_the_line_outside_comes_back() -> None:
    table, line = Table(), ["outside"]
    inside = table.begin_cell(table.begin_row(line))
    inside.append("a  b")
    assert table.leave_cell(inside) is line
    assert table.leave_cell(line) is line
    assert table.written(nested=False) == ["a b"]


def test_rows_of_different_lengths() -> None:
    table = Table()
    for row in (["a", "b"], [], ["c"]):
        table.begin_row([])
        for cell in row:
            table.leave_cell([*table.begin_cell([]), cell])
    assert table.written(nested=False) == ["| a | b |\n| --- | --- |\n| c |"]
    assert table.written(nested=True) == ["a; b", "c"]


def test_an_empty_one() -> None:
    assert Table().written(nested=False) == []
