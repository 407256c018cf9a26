"""What an HTTP parser has told, line by line, and what is read of it."""

from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.fields import one_by_one

NAMES = st.from_regex(rb"[A-Za-z-]{1,8}", fullmatch=True)
VALUES = st.binary(max_size=8).map(lambda value: value.replace(b"\n", b""))


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_each_name_has_its_value(fields: list[tuple[bytes, bytes]]) -> None:
    names, values = one_by_one(b"\n".join(name for name, _ in fields), b"\n".join(value for _, value in fields))
    assert names == [name.decode().lower() for name, _ in fields]
    assert values == [value.decode("latin-1") for _, value in fields]
