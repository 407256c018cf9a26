"""Single values, quoted or not."""

import pytest

from dragoman.config.scalars import READINGS
from dragoman.config.schema import Network
from dragoman.hub.route import Secret


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (str, "007", "007"),
        (Secret, "123", Secret("123")),
        (int, "8", 8),
        (int, "-1", -1),
        (int, "65_536", 65536),
        (int, "0x10", 16),
        (float, "0.5", 0.5),
        (float, "1", 1.0),
        (bool, "true", True),
        (bool, "Yes", True),
        (bool, "off", False),
    ],
)
def test_values(kind: object, text: str, value: object) -> None:
    assert READINGS[kind].read(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((int, text) for text in ("1.5", "two", "٣", "", "0b")),
        *((float, text) for text in ("nan", "inf", "x", "")),
        *((Network, text) for text in ("10.0.0.0/33", "proxy", "")),
        (bool, "1"),
    ],
)
def test_what_does_not_fit(kind: object, text: str) -> None:
    with pytest.raises(ValueError):
        READINGS[kind].read(text)


def test_networks_may_name_a_host_in_them() -> None:
    assert str(READINGS[Network].read("10.1.2.3/8")) == "10.0.0.0/8"
    assert str(READINGS[Network].read("::1")) == "::1/128"
