"""The header fields of a message, as an HTTP parser tells them: names and values by turns, as bytes."""

from collections.abc import Sequence


def names_and_values(fields: Sequence[bytes]) -> tuple[list[str], list[str]]:
    """Names in lower case. All are read in one go, since no field can hold a line break, and one at a time costs more."""
    if not fields:
        return [], []
    names, values = b"\n".join(fields[::2]), b"\n".join(fields[1::2])
    return names.lower().decode("latin-1").split("\n"), values.decode("latin-1").split("\n")


def by_name(names: bytes, values: bytes) -> dict[str, str]:
    """Of a repeated name the values joined, as HTTP allows. names, values: one to a line, as no field can hold a break."""
    headers: dict[str, str] = {}
    if names:
        said = values.decode("latin-1").split("\n")
        for at, name in enumerate(names.lower().decode("latin-1").split("\n")):
            headers[name] = f"{headers[name]}, {said[at]}" if name in headers else said[at]
    return headers
