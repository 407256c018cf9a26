"""Names have no case, values keep theirs, repetitions stay apart."""

from dragoman.net.headers import Headers

HEADERS = Headers([("Content-Type", "text/Event-Stream"), ("Set-Cookie", "a"), ("set-cookie", "b")])


def test_a_name_is_found_in_any_case() -> None:
    assert HEADERS.get("CONTENT-type") == "text/Event-Stream"
    assert "Content-Type" in HEADERS
    assert HEADERS.get("x-none") is None


def test_repeated_names_stay_apart_and_in_order() -> None:
    assert HEADERS.get("Set-Cookie") == "a"
    assert HEADERS.get_all("Set-Cookie") == ["a", "b"]
    assert HEADERS.items() == [("content-type", "text/Event-Stream"), ("set-cookie", "a"), ("set-cookie", "b")]
    assert len(HEADERS) == 3


def test_without_leaves_out_every_field_of_a_name() -> None:
    assert HEADERS.without("set-cookie") == Headers([("content-type", "text/Event-Stream")])


def test_values_are_not_printed() -> None:
    assert repr(Headers([("authorization", "secret")])) == "Headers(authorization)"
