"""Reports for other programs: JSON objects, and CSV that a spreadsheet can be trusted with."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

from dragoman.ledger.reports import By, Row

# A spreadsheet takes a cell that begins so for a formula, and runs it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_OF_SESSIONS: Final = ("user", "agent", "model")


def objects(rows: Iterable[Row], by: By) -> list[dict[str, Any]]:
    fields = _fields(by)
    return [{name: getattr(row, name) for name in fields} for row in rows]


def csv_text(rows: Iterable[Row], by: By) -> str:
    fields = _fields(by)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(fields)
    table.writerows([_cell(getattr(row, name)) for name in fields] for row in rows)
    return text.getvalue()


def _fields(by: By) -> Sequence[str]:
    return [name for name in Row.__struct_fields__ if by == "session" or name not in _OF_SESSIONS]


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
