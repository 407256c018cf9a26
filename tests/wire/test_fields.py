"""What the parser told on the left, names and values on the right."""

from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.fields import names_and_values

NAMES = st.from_regex(rb"[A-Za-z-]{1,8}", fullmatch=True)
VALUES = st.binary(max_size=8).map(lambda value: value.replace(b"\n", b""))


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_each_name_has_its_value(fields: list[tuple[bytes, bytes]]) -> None:
    names, values = names_and_values([said for field in fields for said in field])
    assert names == [name.decode().lower() for name, _ in fields]
    assert values == [value.decode("latin-1") for _, value in fields]
