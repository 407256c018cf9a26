"""Where in a text a call may begin: at the beginning of a line or behind a word, and never in code."""

import pytest

from dragoman.protocols.call_places import Place


@pytest.mark.parametrize(
    ("before", "line", "anywhere"),
    [
        ("", True, True),
        ("Let me look.\n", True, True),
        ("Let me look.\n\n  ", True, True),
        ("Let me look. ", False, True),
        ("    ", False, True),
        ("> ", False, True),
        ("- ", False, True),
        ("Models say `", False, False),
        ("Models say ``", False, True),
        ("Models say `x` and\n", True, True),
        ("```\n", False, False),
        ("```xml\nx\n", False, False),
        ("~~~\n", False, False),
        ("```xml\nx\n```\n", True, True),
        ("```xml\nx\n```", False, False),
        ("````md\n```\n", False, False),
        ("````md\n```\n````\n", True, True),
        ("```\n```xml\n", False, False),
        ("~~~\n```\n", False, False),
        ("  ```py\n", False, False),
        ("x ```\n", True, True),
        ("    ```\n", False, False),
        ("1. ```xml\n", False, False),
        ("> ```xml\n> x\n> ```\n", True, True),
    ],
)
def test_places(before: str, *, line: bool, anywhere: bool) -> None:
    for pieces in ([before], list(before)):
        place = Place()
        for piece in pieces:
            place.pass_over(piece)
        assert (place.is_for("line"), place.is_for("anywhere")) == (line, anywhere)
