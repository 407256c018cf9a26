"""What a WebSocket's client says of itself."""

from dragoman.server.asgi import headers_of, peer_of


def test_repeated_headers_are_joined() -> None:
    scope = {"headers": [(b"x-a", b"1"), (b"x-b", b"\xe9"), (b"x-a", b"2")]}
    assert headers_of(scope) == {"x-a": "1, 2", "x-b": "é"}


def test_who_has_no_address_has_none() -> None:
    assert peer_of({"client": ("192.0.2.1", 5)}) == "192.0.2.1"
    assert peer_of({"client": None}) is None
    assert peer_of({}) is None
