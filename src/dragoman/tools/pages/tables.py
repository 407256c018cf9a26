"""A table of a page while it is read, and as Markdown. Tables that only lay out a page become its paragraphs."""

from typing import Final


class Table:
    """Cells are collected in the writer's line: what it held before is kept here meanwhile, and given back."""

    def __init__(self) -> None:
        self._rows: Final[list[list[str]]] = []
        self._outside: list[str] | None = None  # None = no cell is open

    def begin_row(self, line: list[str]) -> list[str]:
        line = self.leave_cell(line)
        self._rows.append([])
        return line

    def begin_cell(self, line: list[str]) -> list[str]:
        line = self.leave_cell(line)
        if not self._rows:
            self._rows.append([])
        self._outside = line
        return []

    def leave_cell(self, line: list[str]) -> list[str]:
        if self._outside is None:
            return line
        self._rows[-1].append(" ".join("".join(line).split()))
        outside, self._outside = self._outside, None
        return outside

    def written(self, *, nested: bool) -> list[str]:
        """As one block, or as one for each row. nested: inside the cell of another table."""
        rows = [row for row in self._rows if any(row)]
        width = max((len(row) for row in rows), default=0)
        if width < 2 or nested:
            return ["; ".join(cell for cell in row if cell) for row in rows]
        if len(rows) == 1:
            return [cell for cell in rows[0] if cell]
        head = rows[0] + [""] * (width - len(rows[0]))  # other rows may be short: one that is wide widens none of them
        return ["\n".join(map(_line, [head, ["---"] * width, *rows[1:]]))]


def _line(row: list[str]) -> str:
    cells = [cell.replace("|", "\\|") for cell in row]
    return f"| {' | '.join(cells)} |"
