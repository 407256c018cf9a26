"""The header fields of a message: their names, and their values, as bytes and one to a line.

An HTTP parser tells them one by one. All are read in one go, since no field can hold a line break.
"""


def one_by_one(names: bytes, values: bytes) -> tuple[list[str], list[str]]:
    """Names in lower case."""
    if not names:
        return [], []
    named, said = names.lower().decode("latin-1").split("\n"), values.decode("latin-1").split("\n")
    assert len(named) == len(said), "a field holds a line break"
    return named, said


def by_name(names: bytes, values: bytes) -> dict[str, str]:
    """Names in lower case, and of a repeated one the values joined, as HTTP allows."""
    headers: dict[str, str] = {}
    for name, value in zip(*one_by_one(names, values)):  # noqa: B905 - as many of either, and asking takes longer
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
