"""Results as a table to read and as JSON to keep."""

from collections.abc import Mapping, Sequence
from math import isinf
from statistics import median
from typing import Any, NamedTuple

from measures import Results, Row

REFERENCE = "nginx"


class Cell(NamedTuple):
    """One proxy's values in one row. ratio: to nginx, the median over the rounds; None where there is none."""

    samples: Sequence[float]
    ratio: float | None

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def broken(self) -> bool:
        return isinf(max(self.samples))

    @property
    def spread(self) -> float:
        return (max(self.samples) - min(self.samples)) / 2

    def text(self) -> str:
        if self.broken:
            return "broken"
        digits = 0 if self.median >= 100 else 1 if self.median >= 10 else 2
        spread = f" ±{self.spread:.{digits}f}" if len(self.samples) > 1 else ""
        return f"{self.median:.{digits}f}{spread}"


def cells(row: Row, values: Mapping[str, Sequence[float]]) -> dict[str, Cell]:
    reference = values.get(REFERENCE, ())
    return {
        proxy: Cell(samples, None if proxy == REFERENCE or not row.comparable else _ratio(samples, reference))
        for proxy, samples in values.items()
    }


def _ratio(samples: Sequence[float], reference: Sequence[float]) -> float | None:
    if not reference or min(reference) <= 0 or isinf(max(*samples, *reference)):
        return None
    return median(mine / theirs for mine, theirs in zip(samples, reference, strict=True))


def met(row: Row, cell: Cell) -> bool | None:
    """Whether the cell is within the row's budget; None if there is none, or nothing to compare with."""
    if row.budget is None:
        return None
    if cell.broken:
        return False
    value = cell.ratio if row.budget.relative else cell.median
    return None if value is None else value <= row.budget.limit


def budget_text(row: Row) -> str:
    if row.budget is None:
        return ""
    return f"<= {row.budget.limit:g} {'x nginx' if row.budget.relative else row.unit}"


def lines(results: Results, proxies: Sequence[str], judged: str | None) -> list[str]:
    """judged: the proxy whose values are marked ok or over; None = budgets are not shown."""
    head = ["", *(title for proxy in proxies for title in _titles(proxy)), *(["budget", ""] if judged else [])]
    body: list[list[str]] = []
    group = ""
    for row, values in results.values.items():
        if row.group != group:
            group = row.group
            body.append([group])
        found = cells(row, values)
        body.append(["  " + row.title, *(text for proxy in proxies for text in _texts(proxy, found.get(proxy)))])
        if judged:
            verdict = met(row, found[judged]) if judged in found else None
            body[-1] += [budget_text(row), {None: "", True: "ok", False: "OVER"}[verdict]]
    return _aligned([head, *body])


def _titles(proxy: str) -> list[str]:
    return [proxy] if proxy == REFERENCE else [proxy, "x nginx"]


def _texts(proxy: str, cell: Cell | None) -> list[str]:
    if cell is None:
        return [""] * len(_titles(proxy))
    ratio = "" if cell.ratio is None else f"{cell.ratio:.2f}"
    return [cell.text()] if proxy == REFERENCE else [cell.text(), ratio]


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    columns = max(map(len, table))
    widths = [max(len(row[column]) for row in table if len(row) > column) for column in range(columns)]
    return [
        "  ".join(
            text.ljust(width) if at == 0 else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in table
    ]


def as_json(results: Results) -> list[dict[str, Any]]:
    return [
        {
            "group": row.group,
            "title": row.title,
            "unit": row.unit,
            "budget": budget_text(row) or None,
            "proxies": {proxy: _cell_json(row, cell) for proxy, cell in cells(row, values).items()},
        }
        for row, values in results.values.items()
    ]


def _cell_json(row: Row, cell: Cell) -> dict[str, Any]:
    if cell.broken:
        return {"broken": True}
    return {
        "median": cell.median,
        "low": min(cell.samples),
        "high": max(cell.samples),
        "samples": cell.samples,
        "x_nginx": cell.ratio,
        "within_budget": met(row, cell),
    }
