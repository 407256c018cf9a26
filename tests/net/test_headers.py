"""By name in lower case, and shown without values."""

from dragoman.net.headers import Headers

HEADERS = Headers([("content-type", "text/Event-Stream"), ("etag", "a")])


def test_they_are_found_by_name() -> None:
    assert HEADERS.get("content-type") == "text/Event-Stream"
    assert HEADERS.get("x-none") is None


def test_without_leaves_out_a_name() -> None:
    left = HEADERS.without("etag", "x-none")
    assert left == Headers([("content-type", "text/Event-Stream")])
    assert isinstance(left, Headers)


def test_values_are_not_printed() -> None:
    assert repr(HEADERS) == str(HEADERS) == "Headers(content-type, etag)"
