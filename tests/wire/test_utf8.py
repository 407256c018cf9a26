"""Bytes are UTF-8 or are not, wherever they are cut while one looks."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dragoman.wire.utf8 import broken_at


def expected(data: bytes) -> int | None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


@given(
    st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.integers(1, 9),
)
@example("日本語".encode() * 3, 4)
@example("日本語".encode()[:-1], 4)
@example(b"\xff", 1)
def test_it_says_what_a_decoder_says(data: bytes, piece: int) -> None:
    assert broken_at(data, piece) == expected(data)


@pytest.mark.parametrize("size", [2**16 - 1, 2**16, 2**16 + 1, 10**6])
def test_long_texts_are_looked_at_to_their_end(size: int) -> None:
    text = ("é" * size).encode()
    assert broken_at(text) is None
    assert broken_at(text[:-1]) == len(text) - 2
    assert broken_at(text + b"\xa9") == len(text)
