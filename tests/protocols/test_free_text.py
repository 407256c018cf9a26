"""Free text inside JSON, in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols import free_text
from dragoman.wire import jsons
from tests.laws.making import texts


@given(st.lists(texts))
def test_pieces_add_up_to_one_object(pieces: list[str]) -> None:
    said = free_text.OPENING + "".join(map(free_text.piece, pieces)) + free_text.CLOSING
    assert jsons.read(said) == {"input": "".join(pieces)}
    assert said == free_text.whole("".join(pieces))
