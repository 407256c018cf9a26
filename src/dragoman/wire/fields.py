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
