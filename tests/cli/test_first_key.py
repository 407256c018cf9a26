"""The key that a proxy without one is given."""

from dragoman.cli.first_key import first_key
from dragoman.config.check import SHORTEST_KEY


def test_it_is_the_secrets_own_and_does_not_tell_it() -> None:
    one, other = first_key(b"a" * 32), first_key(b"b" * 32)
    assert one == first_key(b"a" * 32) != other
    assert one.startswith("sk-")
    assert len(one) > 2 * SHORTEST_KEY
    assert one.isascii()
    assert one.isprintable()
