"""What every exchange has in common."""

from dragoman.gateway.gateway import stamp


def test_an_answers_id_is_its_exchanges() -> None:
    mark = stamp("req_0123456789abcdef01234567")
    assert mark.id == "0123456789abcdef01234567"
    assert mark.at > 1_700_000_000
