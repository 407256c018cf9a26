"""What a field of the configuration says of itself, and the secret that is none."""

from typing import Any, Final

from msgspec import Struct

from dragoman.hub.route import Secret

NO_SECRET: Final = Secret("")


class About(Struct, frozen=True):
    """A field's documentation.

    example: what config.example.yaml writes, where the default says little. ge, gt, le: the range of a number.
    shown: written without comment sign in the example. hidden: left out of the example.
    """

    text: str
    example: Any = None
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    shown: bool = False
    hidden: bool = False
